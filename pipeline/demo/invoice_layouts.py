"""The four layouts of the purchase invoice."""

from __future__ import annotations

from random import Random

from pipeline.demo.design import FormDesign, Layout, Pair, above, beside, column, given
from pipeline.demo.entries import Manner
from pipeline.demo.ink import Ink
from pipeline.demo.invention import Place
from pipeline.demo.invoice import FIELDS, Invoice, Item, invent
from pipeline.demo.sheet import LETTER, Drawing, Sheet
from pipeline.types import Box

_GREY = "#6b7280"


# --- classic: letterhead left, number block right, totals under the last column


def classic(random: Random, manner: Manner) -> Drawing:
    form, sheet = invent(random, manner), Sheet(LETTER, "Invoice")
    body, bold = Ink("Helvetica", 10), Ink("Helvetica-Bold", 10)
    sheet.text(54, 70, form.vendor, Ink("Helvetica-Bold", 16, "#1f3a5f"))
    _address(sheet, 54, 88, form.vendor_place, body)
    beside(sheet, 54, 116, 44, Pair("Phone:", form["VendorPhone"]), body, body)
    beside(sheet, 54, 130, 44, Pair("Fax:", form["fax"]), body, body)
    sheet.text(558, 72, "INVOICE", Ink("Helvetica-Bold", 24, "#1f3a5f"), "right")
    column(sheet, 370, 100, 90, _classic_block(form), bold, body, 15)
    _classic_parties(sheet, form, body)
    y = _classic_items(sheet, form)
    _classic_totals(sheet, form, y + 14)
    sheet.rule(54, 720, 558, 720, "#9aa5b1")
    sheet.text(54, 736, "Please quote the invoice number with your payment.", Ink(size=8.5))
    return sheet.finish()


def _classic_block(form: Invoice) -> list[Pair]:
    return given(
        Pair("Invoice No.", form["InvoiceNumber"]),
        Pair("Invoice Date", form["InvoiceDate"]),
        Pair("Order Date", form["order_date"]),
        Pair("Due Date", form["DueDate"]),
        Pair("P.O. Number", form.get("PurchaseOrder")),
        Pair("Packages", form["Packages"]),
    )


def _classic_parties(sheet: Sheet, form: Invoice, body: Ink) -> None:
    for x, title in ((54, "Bill To"), (312, "Ship To")):
        sheet.panel(Box(x, 200, x + 246, 217), "#e6ecf3")
        sheet.text(x + 6, 212, title, Ink("Helvetica-Bold", 10, "#1f3a5f"))
    sheet.entry(60, 233, form["CustomerName"], body, "Bill To")
    _address(sheet, 60, 247, form.customer_place, body)
    sheet.text(318, 233, form.ship_to, body)
    _address(sheet, 318, 247, form.ship_place, body)


def _classic_items(sheet: Sheet, form: Invoice) -> float:
    sheet.panel(Box(54, 290, 558, 308), "#1f3a5f")
    _cells(sheet, 303, ("Description", "Qty", "Unit Price", "Amount"), Ink("Helvetica-Bold", 10, "#ffffff"))
    y = 326.0
    for item in form.items:
        _cells(sheet, y, _item_texts(item, form.manner), Ink("Helvetica", 10))
        sheet.rule(54, y + 6, 558, y + 6, "#cfd6df")
        y += 20
    return y


def _classic_totals(sheet: Sheet, form: Invoice, y: float) -> None:
    for key, field in (("Subtotal", "subtotal"), ("Freight", "freight"), ("Sales Tax", "SalesTax")):
        _total(sheet, y, key, form, field, Ink("Helvetica", 10))
        y += 17
    sheet.panel(Box(390, y - 11, 558, y + 7), "#e6ecf3")
    _total(sheet, y + 2, "Total Due", form, "TotalDue", Ink("Helvetica-Bold", 11))


def _total(sheet: Sheet, y: float, key: str, form: Invoice, field: str, ink: Ink) -> None:
    sheet.text(396, y, key, ink)
    sheet.entry(552, y, form[field], ink, key, "right")


# --- ledger: centred letterhead, a ruled grid of keys over values


def ledger(random: Random, manner: Manner) -> Drawing:
    form, sheet = invent(random, manner), Sheet(LETTER, "Statement of sale")
    body, small = Ink("Times-Roman", 11), Ink("Times-Italic", 9, "#444444")
    sheet.text(306, 64, form.vendor, Ink("Times-Bold", 20), "center")
    place = form.vendor_place
    sheet.text(306, 80, f"{place.street}, {place.city}", body, "center")
    sheet.text(220, 96, "Tel.", body)
    sheet.entry(242, 96, form["VendorPhone"], body, "Tel.")
    sheet.text(320, 96, "Fax", body)
    sheet.entry(342, 96, form["fax"], body, "Fax")
    sheet.rule(54, 108, 558, 108, "#222222", 1.2)
    above(sheet, 54, 134, Pair("Sold To", form["CustomerName"]), small, Ink("Times-Bold", 12))
    _address(sheet, 54, 165, form.customer_place, body)
    sheet.text(558, 140, "Invoice", Ink("Times-BoldItalic", 22), "right")
    _grid(sheet, 206, 126, _ledger_first_row(form), small, body)
    _grid(sheet, 240, 126, _ledger_second_row(form), small, body)
    y = _ledger_items(sheet, form, body)
    _ledger_totals(sheet, form, max(y + 20, 480), body)
    return sheet.finish()


def _ledger_first_row(form: Invoice) -> list[Pair]:
    return [
        Pair("Invoice Number", form["InvoiceNumber"]),
        Pair("Order Date", form["order_date"]),
        Pair("Invoice Date", form["InvoiceDate"]),
        Pair("Due Date", form["DueDate"]),
    ]


def _ledger_second_row(form: Invoice) -> list[Pair]:
    return [
        Pair("Your Order", form.get("PurchaseOrder")),
        Pair("Terms", form["terms"]),
        Pair("Ship Via", form["carrier"]),
        Pair("Packages", form["Packages"]),
    ]


def _grid(sheet: Sheet, y: float, width: float, pairs: list[Pair], key: Ink, value: Ink) -> None:
    for at, pair in enumerate(pairs):
        x = 54 + at * width
        sheet.frame(Box(x, y, x + width, y + 34), "#333333", 0.8)
        above(sheet, x + 6, y + 12, pair, key, value)


def _ledger_items(sheet: Sheet, form: Invoice, body: Ink) -> float:
    y = 304.0
    _cells(sheet, y, ("Article", "Quantity", "Each", "Extended"), Ink("Times-Bold", 11))
    sheet.rule(54, y + 6, 558, y + 6, "#222222", 1)
    for item in form.items:
        y += 20
        _cells(sheet, y, _item_texts(item, form.manner), body)
    return y


def _ledger_totals(sheet: Sheet, form: Invoice, y: float, body: Ink) -> None:
    sheet.frame(Box(360, y - 16, 558, y + 64), "#333333", 0.8)
    rows = (("Goods", "subtotal"), ("Freight", "freight"), ("Tax", "SalesTax"), ("TOTAL USD", "TotalDue"))
    for key, field in rows:
        ink = Ink("Times-Bold", 12) if field == "TotalDue" else body
        sheet.text(370, y, key, ink)
        sheet.entry(548, y, form[field], ink, key, "right")
        y += 18
    sheet.text(54, y - 10, "Goods remain our property until paid in full.", Ink("Times-Italic", 10))


# --- banner: a coloured head and a side column of stacked keys


def banner(random: Random, manner: Manner) -> Drawing:
    form, sheet = invent(random, manner), Sheet(LETTER, "Invoice")
    sheet.panel(Box(0, 0, 612, 96), "#0f766e")
    sheet.text(48, 52, form.vendor, Ink("Vera-Bold", 17, "#ffffff"))
    place = form.vendor_place
    sheet.text(48, 72, f"{place.street}, {place.city}", Ink("Vera", 8.5, "#d5f2ee"))
    sheet.text(564, 72, "invoice", Ink("Vera", 20, "#d5f2ee"), "right")
    key, value = Ink("Vera", 7.5, _GREY), Ink("Vera", 9.5)
    sheet.panel(Box(0, 96, 186, 792), "#f0f5f4")
    y = 132.0
    for pair in _banner_side(form):
        above(sheet, 48, y, pair, key, value)
        y += 38
    above(sheet, 216, 132, Pair("Billed to", form["CustomerName"]), key, Ink("Vera-Bold", 10.5))
    _address(sheet, 216, 161, form.customer_place, value)
    _banner_items(sheet, form, key)
    return sheet.finish()


def _banner_side(form: Invoice) -> list[Pair]:
    return given(
        Pair("Invoice number", form["InvoiceNumber"]),
        Pair("Date of invoice", form["InvoiceDate"]),
        Pair("Payment due", form["DueDate"]),
        Pair("Ordered on", form["order_date"]),
        Pair("Your order", form.get("PurchaseOrder")),
        Pair("Customer number", form["customer_number"]),
        Pair("Packages", form["Packages"]),
        Pair("Questions? Call", form["VendorPhone"]),
        Pair("or fax", form["fax"]),
    )


def _banner_items(sheet: Sheet, form: Invoice, key: Ink) -> None:
    y, value = 226.0, Ink("Vera", 8.5)
    sheet.text(216, y, "Item", key)
    sheet.text(564, y, "Amount", key, "right")
    for item in form.items:
        y += 22
        sheet.text(216, y, f"{item.quantity} x {item.name}", value)
        sheet.text(564, y, form.manner.money.format(item.amount), value, "right")
        sheet.rule(216, y + 7, 564, y + 7, "#d7dedd")
    y += 34
    for label, field in (("Subtotal", "subtotal"), ("Shipping", "freight"), ("Sales tax", "SalesTax")):
        sheet.text(380, y, label, value)
        sheet.entry(564, y, form[field], value, label, "right")
        y += 18
    sheet.panel(Box(372, y - 10, 572, y + 16), "#0f766e")
    sheet.text(380, y + 7, "Amount due", Ink("Vera-Bold", 9.5, "#ffffff"))
    sheet.entry(564, y + 7, form["TotalDue"], Ink("Vera-Bold", 10.5, "#ffffff"), "Amount due", "right")


# --- compact: everything in two plain columns, totals beside the goods


def compact(random: Random, manner: Manner) -> Drawing:
    form, sheet = invent(random, manner), Sheet(LETTER, "Invoice")
    key, value = Ink("Helvetica", 9.5, "#7a2e2e"), Ink("Helvetica", 10.5)
    sheet.text(60, 66, "INVOICE", Ink("Helvetica-Bold", 18, "#7a2e2e"))
    sheet.text(552, 60, form.vendor, Ink("Helvetica-Bold", 13), "right")
    place = form.vendor_place
    sheet.text(552, 75, f"{place.street}, {place.city}", Ink("Helvetica", 9), "right")
    sheet.rule(60, 86, 552, 86, "#7a2e2e", 1.5)
    column(sheet, 60, 110, 92, _compact_left(form), key, value, 18)
    column(sheet, 330, 110, 92, _compact_right(form), key, value, 18)
    above(sheet, 60, 222, Pair("Bill To", form["CustomerName"]), key, Ink("Helvetica-Bold", 11))
    _address(sheet, 60, 252, form.customer_place, value)
    y = _compact_items(sheet, form, key)
    column(sheet, 330, y + 24, 110, _compact_totals(form), key, value, 18)
    return sheet.finish()


def _compact_left(form: Invoice) -> list[Pair]:
    return given(
        Pair("Invoice No.", form["InvoiceNumber"]),
        Pair("Invoice Date", form["InvoiceDate"]),
        Pair("P.O. Number", form.get("PurchaseOrder")),
        Pair("Terms", form["terms"]),
    )


def _compact_right(form: Invoice) -> list[Pair]:
    return [
        Pair("Due Date", form["DueDate"]),
        Pair("Order Date", form["order_date"]),
        Pair("Packages", form["Packages"]),
        Pair("Phone", form["VendorPhone"]),
        Pair("Fax", form["fax"]),
    ]


def _compact_items(sheet: Sheet, form: Invoice, key: Ink) -> float:
    y = 300.0
    _cells(sheet, y, ("Description", "Qty", "Unit Price", "Amount"), key)
    for item in form.items:
        y += 18
        _cells(sheet, y, _item_texts(item, form.manner), Ink("Helvetica", 9.5))
    sheet.rule(60, y + 8, 552, y + 8, "#7a2e2e", 0.8)
    return y


def _compact_totals(form: Invoice) -> list[Pair]:
    return [
        Pair("Subtotal", form["subtotal"]),
        Pair("Sales Tax", form["SalesTax"]),
        Pair("Freight", form["freight"]),
        Pair("Total Due", form["TotalDue"]),
    ]


# --- shared pieces


def _address(sheet: Sheet, x: float, y: float, place: Place, ink: Ink) -> None:
    sheet.text(x, y, place.street, ink)
    sheet.text(x, y + ink.size * 1.35, place.city, ink)


def _cells(sheet: Sheet, y: float, texts: tuple[str, ...], ink: Ink) -> None:
    name, *numbers = texts
    sheet.text(60, y, name, ink)
    for x, text in zip((370, 460, 552), numbers, strict=True):
        sheet.text(x, y, text, ink, "right")


def _item_texts(item: Item, manner: Manner) -> tuple[str, ...]:
    return item.name, str(item.quantity), manner.money.format(item.price), manner.money.format(item.amount)


INVOICE = FormDesign(
    form_type="purchase_invoice",
    description="Purchase invoices of many suppliers, born-digital PDF",
    locale="en-US",
    medium="pdf",
    fields=FIELDS,
    layouts={
        "classic": Layout(classic, Manner()),
        "ledger": Layout(ledger, Manner("%B %d, %Y", "{:,.2f}", "{}-{}-{}")),
        "banner": Layout(banner, Manner("%d %b %Y", "$ {:,.2f}", "+1 {} {} {}")),
        "compact": Layout(compact, Manner("%b %d, %Y", "${:,.2f}", "({}) {}-{}")),
    },
    unseen="compact",
)

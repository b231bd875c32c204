"""Supplier registrations: A4 forms with filled AcroForm widgets and check boxes, in four layouts."""

from __future__ import annotations

from datetime import date
from random import Random

from pipeline.demo import invention, words
from pipeline.demo.design import FormDesign, Layout, Pair
from pipeline.demo.entries import (
    Entry,
    Manner,
    date_entry,
    integer_entry,
    mark_entry,
    money_entry,
    phone_entry,
    text_entry,
)
from pipeline.demo.ink import Ink
from pipeline.demo.sheet import A4, Drawing, Sheet
from pipeline.types import Box, FieldSpec

FIELDS = (
    FieldSpec("LegalName"),
    FieldSpec("TradingName"),
    FieldSpec("CompanyNumber"),
    FieldSpec("TradingSince", "date", "dmy"),
    FieldSpec("Employees", "integer"),
    FieldSpec("AnnualTurnover", "currency", "currency"),
    FieldSpec("Phone", "phoneNumber"),
    FieldSpec("SoleTrader", "selectionMark"),
    FieldSpec("Partnership", "selectionMark"),
    FieldSpec("LimitedCompany", "selectionMark"),
)
Registration = dict[str, Entry]
# ReportLab writes the appearance of a text widget in Latin-1.
_CHARSET = "latin-1"
_KEY, _NOTE = Ink("Helvetica", 9), Ink("Helvetica", 8, "#5b6470")
_TITLE = Ink("Helvetica-Bold", 17, "#16324f")


def invent(random: Random, manner: Manner) -> Registration:
    entries = [*_names(random), *_numbers(random, manner), *_days(random, manner), *_kinds(random)]
    return {entry.field: entry for entry in entries}


def _names(random: Random) -> list[Entry]:
    place = invention.uk_place(random)
    trading = text_entry("TradingName", invention.company(random, ("",), _CHARSET))
    return [
        text_entry("LegalName", invention.company(random, words.UK_ENDINGS, _CHARSET)),
        *([trading] if random.random() < 0.6 else []),
        text_entry("street", place.street),
        text_entry("city", place.city),
        text_entry("contact", invention.person(random, _CHARSET)),
        text_entry("signed_by", invention.person(random, _CHARSET)),
    ]


def _numbers(random: Random, manner: Manner) -> list[Entry]:
    turnover = invention.amount(random, 18_000, 2_400_000)
    return [
        text_entry("CompanyNumber", f"{random.choice(('0', 'SC', 'NI'))}{random.randint(123456, 998999)}"),
        text_entry(
            "vat_number",
            f"GB {random.randint(100, 999)} {random.randint(1000, 9999)} {random.randint(10, 99)}",
        ),
        integer_entry("Employees", random.randint(1, 240)),
        integer_entry("sites", random.randint(1, 9)),
        money_entry("AnnualTurnover", turnover, manner),
        money_entry("credit_wanted", invention.amount(random, 1_000, 60_000), manner),
        phone_entry("Phone", invention.uk_phone(random), manner),
        phone_entry("fax", invention.uk_phone(random), manner),
    ]


def _days(random: Random, manner: Manner) -> list[Entry]:
    since = invention.day(random, date(1988, 3, 1), 12_000)
    return [
        date_entry("TradingSince", since, manner),
        date_entry("year_end", invention.day(random, date(2024, 3, 31), 300), manner),
        date_entry("signed_on", invention.day(random), manner),
    ]


def _kinds(random: Random) -> list[Entry]:
    kind = random.choice(("SoleTrader", "Partnership", "LimitedCompany", "LimitedCompany"))
    kinds = [mark_entry(name, name == kind) for name in ("SoleTrader", "Partnership", "LimitedCompany")]
    return [
        *kinds,
        mark_entry("insured", random.random() < 0.6),
        mark_entry("exports", random.random() < 0.4),
    ]


# --- pieces


def _field(sheet: Sheet, x: float, y: float, width: float, pair: Pair) -> None:
    """A key with its widget below it."""
    sheet.text(x, y, pair.key, _KEY)
    sheet.widget(Box(x, y + 4, x + width, y + 20), pair.entry, pair.key)


def _line(sheet: Sheet, y: float, gap: float, pair: Pair, left: float = 50, right: float = 545) -> None:
    """A key with its widget to the right of it."""
    sheet.text(left, y, pair.key, _KEY)
    sheet.widget(Box(left + gap, y - 11, right, y + 5), pair.entry, pair.key)


def _tick(sheet: Sheet, x: float, y: float, pair: Pair) -> None:
    """A check box with its key to the right of it."""
    if pair.entry:
        sheet.check(x, y - 9, pair.entry, pair.key)
    sheet.text(x + 16, y, pair.key, _KEY)


def _section(sheet: Sheet, y: float, title: str) -> None:
    sheet.panel(Box(50, y, 545, y + 17), "#16324f")
    sheet.text(56, y + 12, title, Ink("Helvetica-Bold", 9.5, "#ffffff"))


def _head(sheet: Sheet, title: str, number: str) -> None:
    sheet.text(50, 66, title, _TITLE)
    sheet.text(545, 66, number, _NOTE, "right")
    sheet.rule(50, 76, 545, 76, "#16324f", 1.4)


# --- the layouts


def boxes(random: Random, manner: Manner) -> Drawing:
    """Keys above their widgets, in numbered sections of two columns."""
    form, sheet = invent(random, manner), Sheet(A4, "Supplier registration")
    _head(sheet, "Supplier registration", "Form SR-1 (2021)")
    _section(sheet, 96, "1  Your business")
    _field(sheet, 50, 130, 300, Pair("Legal name of the business", form["LegalName"]))
    _field(sheet, 366, 130, 179, Pair("Company number", form["CompanyNumber"]))
    _field(sheet, 50, 170, 300, Pair("Trading name (if different)", form.get("TradingName")))
    _field(sheet, 366, 170, 179, Pair("VAT number", form["vat_number"]))
    _field(sheet, 50, 210, 300, Pair("Street", form["street"]))
    _field(sheet, 366, 210, 179, Pair("Town and postcode", form["city"]))
    _section(sheet, 250, "2  Legal form (tick one)")
    for x, key, name in ((50, "Sole trader", "SoleTrader"), (200, "Partnership", "Partnership")):
        _tick(sheet, x, 286, Pair(key, form[name]))
    _tick(sheet, 350, 286, Pair("Limited company", form["LimitedCompany"]))
    _section(sheet, 306, "3  Size and history")
    _field(sheet, 50, 340, 140, Pair("Trading since", form["TradingSince"]))
    _field(sheet, 208, 340, 140, Pair("Financial year end", form["year_end"]))
    _field(sheet, 366, 340, 179, Pair("Annual turnover", form["AnnualTurnover"]))
    _field(sheet, 50, 380, 140, Pair("Number of employees", form["Employees"]))
    _field(sheet, 208, 380, 140, Pair("Number of sites", form["sites"]))
    _field(sheet, 366, 380, 179, Pair("Credit requested", form["credit_wanted"]))
    _section(sheet, 420, "4  Contact")
    _field(sheet, 50, 454, 180, Pair("Contact person", form["contact"]))
    _field(sheet, 246, 454, 140, Pair("Telephone", form["Phone"]))
    _field(sheet, 402, 454, 143, Pair("Fax", form["fax"]))
    _signature(sheet, form, 540)
    return sheet.finish()


def _signature(sheet: Sheet, form: Registration, y: float) -> None:
    sheet.text(50, y, "I declare that the details given above are correct and complete.", _NOTE)
    _field(sheet, 50, y + 22, 200, Pair("Signed by", form["signed_by"]))
    _field(sheet, 266, y + 22, 120, Pair("Date signed", form["signed_on"]))


def lines(random: Random, manner: Manner) -> Drawing:
    """One question a line, the widget at its end."""
    form, sheet = invent(random, manner), Sheet(A4, "Application to supply")
    _head(sheet, "Application to supply goods or services", "SR-1 / 2023")
    y = 112.0
    for pair in _lines_first(form):
        _line(sheet, y, 190, pair)
        y += 26
    sheet.text(50, y + 4, "Legal form", Ink("Helvetica-Bold", 9.5))
    for x, key, name in ((240, "Limited company", "LimitedCompany"), (350, "Partnership", "Partnership")):
        _tick(sheet, x, y + 4, Pair(key, form[name]))
    _tick(sheet, 450, y + 4, Pair("Sole trader", form["SoleTrader"]))
    y += 34
    for pair in _lines_second(form):
        _line(sheet, y, 190, pair)
        y += 26
    _tick(sheet, 240, y, Pair("Public liability insurance is in place", form["insured"]))
    _signature(sheet, form, y + 44)
    return sheet.finish()


def _lines_first(form: Registration) -> list[Pair]:
    return [
        Pair("Legal name of the business", form["LegalName"]),
        Pair("Trading name (if different)", form.get("TradingName")),
        Pair("Registered office", form["street"]),
        Pair("Town and postcode", form["city"]),
        Pair("Company number", form["CompanyNumber"]),
        Pair("VAT number", form["vat_number"]),
    ]


def _lines_second(form: Registration) -> list[Pair]:
    return [
        Pair("Trading since", form["TradingSince"]),
        Pair("End of last financial year", form["year_end"]),
        Pair("Annual turnover", form["AnnualTurnover"]),
        Pair("Credit requested", form["credit_wanted"]),
        Pair("Employees", form["Employees"]),
        Pair("Person to contact", form["contact"]),
        Pair("Telephone", form["Phone"]),
        Pair("Fax", form["fax"]),
    ]


def card(random: Random, manner: Manner) -> Drawing:
    """A short form: two narrow columns in a frame."""
    form, sheet = invent(random, manner), Sheet(A4, "Supplier card")
    sheet.panel(Box(50, 48, 545, 92), "#e8eef5")
    sheet.text(64, 76, "New supplier card", _TITLE)
    sheet.text(531, 76, "please complete on screen", _NOTE, "right")
    sheet.frame(Box(50, 48, 545, 404), "#16324f", 1.2)
    for at, pair in enumerate(_card_left(form)):
        _line(sheet, 122 + at * 28, 72, pair, 64, 330)
    for at, pair in enumerate(_card_right(form)):
        _line(sheet, 122 + at * 28, 86, pair, 344, 531)
    sheet.rule(64, 306, 531, 306, "#9fb0c3")
    for at, (key, name) in enumerate(
        (("Sole trader", "SoleTrader"), ("Partnership", "Partnership"), ("Limited company", "LimitedCompany"))
    ):
        _tick(sheet, 64, 330 + at * 22, Pair(key, form[name]))
    _tick(sheet, 344, 330, Pair("Insured", form["insured"]))
    _tick(sheet, 344, 352, Pair("Exports goods", form["exports"]))
    sheet.text(50, 424, "Return to purchasing. Incomplete cards cannot be processed.", _NOTE)
    return sheet.finish()


def _card_left(form: Registration) -> list[Pair]:
    return [
        Pair("Legal name", form["LegalName"]),
        Pair("Trading name", form.get("TradingName")),
        Pair("Street", form["street"]),
        Pair("Town", form["city"]),
        Pair("Telephone", form["Phone"]),
        Pair("Contact", form["contact"]),
    ]


def _card_right(form: Registration) -> list[Pair]:
    return [
        Pair("Company number", form["CompanyNumber"]),
        Pair("Trading since", form["TradingSince"]),
        Pair("Date completed", form["signed_on"]),
        Pair("Annual turnover", form["AnnualTurnover"]),
        Pair("Employees", form["Employees"]),
        Pair("Sites", form["sites"]),
    ]


def ledger(random: Random, manner: Manner) -> Drawing:
    """The newest issue: contact first, keys beside widgets left, above them right."""
    form, sheet = invent(random, manner), Sheet(A4, "Supplier registration")
    _head(sheet, "Supplier registration", "SR-2 (2025)")
    for at, pair in enumerate(_ledger_top(form)):
        _line(sheet, 110 + at * 28, 150, pair, 50, 400)
    _field(sheet, 420, 100, 125, Pair("Company number", form["CompanyNumber"]))
    _field(sheet, 420, 142, 125, Pair("VAT number", form["vat_number"]))
    _field(sheet, 420, 184, 125, Pair("Trading since", form["TradingSince"]))
    _section(sheet, 262, "Legal form and size")
    for at, (key, name) in enumerate(
        (("Limited company", "LimitedCompany"), ("Sole trader", "SoleTrader"), ("Partnership", "Partnership"))
    ):
        _tick(sheet, 50, 300 + at * 24, Pair(key, form[name]))
    for at, pair in enumerate(_ledger_size(form)):
        _line(sheet, 302 + at * 26, 110, pair, 230, 440)
    _signature(sheet, form, 440)
    return sheet.finish()


def _ledger_top(form: Registration) -> list[Pair]:
    return [
        Pair("Contact person", form["contact"]),
        Pair("Telephone", form["Phone"]),
        Pair("Legal name", form["LegalName"]),
        Pair("Trading name (if different)", form.get("TradingName")),
        Pair("Town and postcode", form["city"]),
    ]


def _ledger_size(form: Registration) -> list[Pair]:
    return [
        Pair("Employees", form["Employees"]),
        Pair("Annual turnover", form["AnnualTurnover"]),
        Pair("Credit requested", form["credit_wanted"]),
        Pair("Financial year end", form["year_end"]),
    ]


REGISTRATION = FormDesign(
    form_type="supplier_registration",
    description="Supplier registrations filled in on screen, PDF with form widgets",
    locale="en-GB",
    medium="pdf",
    fields=FIELDS,
    layouts={
        "boxes": Layout(boxes, Manner("%d/%m/%Y", "£{:,.2f}", "{} {} {}")),
        "lines": Layout(lines, Manner("%d %B %Y", "£ {:,.2f}", "({}) {} {}")),
        "card": Layout(card, Manner("%d.%m.%Y", "£{:,.2f}", "{} {} {}")),
        "ledger": Layout(ledger, Manner("%d/%m/%Y", "£{:,.2f}", "{} {} {}")),
    },
    unseen="ledger",
)

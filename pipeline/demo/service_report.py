"""Field service reports: A5 slips typed by the office, ticked by hand, then scanned; four layouts."""

from __future__ import annotations

from random import Random

from pipeline.demo import invention, words
from pipeline.demo.design import FormDesign, Layout, Pair, above, beside, column, given
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
from pipeline.demo.sheet import A5, Drawing, Sheet
from pipeline.types import Box, FieldSpec

FIELDS = (
    FieldSpec("ReportNumber"),
    FieldSpec("VisitDate", "date", "mdy"),
    FieldSpec("Customer"),
    FieldSpec("Technician"),
    FieldSpec("MinutesOnSite", "integer"),
    FieldSpec("AmountDue", "currency", "currency"),
    FieldSpec("CallbackPhone", "phoneNumber"),
    FieldSpec("WorkCompleted", "selectionMark"),
    FieldSpec("UnderWarranty", "selectionMark"),
)
Report = dict[str, Entry]
# The office's old printer knows no accents; neither do all OCR models.
_CHARSET = "ascii"
_KEY, _VALUE = Ink("Vera", 9, "#333333"), Ink("Vera", 11)
_BOLD = Ink("Vera-Bold", 10)
_SECOND_PAGE_SHARE = 0.12


def invent(random: Random, manner: Manner) -> Report:
    ordered = invention.day(random)
    visited = invention.later(random, ordered, 1, 12)
    entries = [
        *_facts(random),
        date_entry("ordered_on", ordered, manner),
        date_entry("VisitDate", visited, manner),
        date_entry("next_service", invention.later(random, visited, 90, 360), manner),
        *_sums(random, manner),
        *_marks(random),
    ]
    if random.random() < 0.7:
        entries.append(phone_entry("CallbackPhone", invention.us_phone(random), manner))
    return {entry.field: entry for entry in entries}


def _facts(random: Random) -> list[Entry]:
    number = f"{random.choice(('SR', 'FS', 'R'))}-{random.randint(10000, 99999)}"
    return [
        text_entry("ReportNumber", number),
        text_entry("Customer", invention.company(random, charset=_CHARSET)),
        text_entry("Technician", invention.person(random, _CHARSET)),
        integer_entry("MinutesOnSite", random.randint(15, 480)),
        text_entry("machine", random.choice(words.MACHINES)),
        text_entry("work", random.choice(words.FAULTS)),
    ]


def _sums(random: Random, manner: Manner) -> list[Entry]:
    labor, parts = invention.amount(random, 40, 700), invention.amount(random, 3, 400)
    return [
        money_entry("labor", labor, manner),
        money_entry("parts", parts, manner),
        money_entry("AmountDue", labor + parts, manner),
    ]


def _marks(random: Random) -> list[Entry]:
    return [
        mark_entry("WorkCompleted", random.random() < 0.6),
        mark_entry("UnderWarranty", random.random() < 0.45),
    ]


# --- pieces


def _tick(sheet: Sheet, x: float, y: float, pair: Pair, random: Random) -> None:
    if pair.entry:
        sheet.box(x, y - 11, pair.entry, pair.key, 13, random)
    sheet.text(x + 21, y, pair.key, Ink("Vera", 10))


def _signature(sheet: Sheet, x: float, y: float, random: Random) -> None:
    """A scrawl above a rule."""
    sheet.rule(x, y, x + 120, y, "#444444")
    points = [
        (x + 8 + step * 7 + random.uniform(-4, 4), y - 3 - random.uniform(6, 26) * (step % 2))
        for step in range(random.randint(8, 14))
    ]
    sheet.stroke(points, "#1a237e", 1.2)


def _second_page(sheet: Sheet, form: Report, random: Random) -> None:
    """Some reports run over: a page with a remark and no fields."""
    if random.random() >= _SECOND_PAGE_SHARE:
        return
    sheet.next_page()
    sheet.text(40, 60, "Remarks (page 2)", Ink("Vera-Bold", 13))
    sheet.text(40, 92, f"{form['machine'].text}: {form['work'].text.lower()}.", Ink("Vera", 10))
    sheet.text(40, 112, "Keep the area in front of the unit clear.", Ink("Vera", 10))
    _signature(sheet, 40, 190, random)


# --- the layouts


def carbon(random: Random, manner: Manner) -> Drawing:
    """Keys beside values, one a line; ticks above the sum."""
    form, sheet = invent(random, manner), Sheet(A5, "Service report")
    sheet.text(36, 58, "SERVICE REPORT", Ink("Vera-Bold", 17))
    sheet.text(384, 58, "Brightwell Field Care", Ink("Vera-Italic", 10), "right")
    sheet.rule(36, 70, 384, 70, "#222222", 1.4)
    y = column(sheet, 36, 104, 128, _carbon_top(form), _KEY, _VALUE, 30)
    _tick(sheet, 36, y + 12, Pair("Work completed", form["WorkCompleted"]), random)
    _tick(sheet, 210, y + 12, Pair("Under warranty", form["UnderWarranty"]), random)
    y = column(sheet, 36, y + 56, 128, _sum_rows(form), _KEY, _VALUE, 24)
    beside(sheet, 36, y, 128, Pair("Amount due", form["AmountDue"]), _BOLD, Ink("Vera-Bold", 11.5))
    _signature(sheet, 230, 545, random)
    _second_page(sheet, form, random)
    return sheet.finish()


def _carbon_top(form: Report) -> list[Pair]:
    return given(
        Pair("Report no.", form["ReportNumber"]),
        Pair("Ordered on", form["ordered_on"]),
        Pair("Date of visit", form["VisitDate"]),
        Pair("Customer", form["Customer"]),
        Pair("Call back", form.get("CallbackPhone")),
        Pair("Technician", form["Technician"]),
        Pair("Minutes on site", form["MinutesOnSite"]),
    )


def _sum_rows(form: Report) -> list[Pair]:
    return [Pair("Labor", form["labor"]), Pair("Parts", form["parts"])]


def ticket(random: Random, manner: Manner) -> Drawing:
    """A ruled ticket: small keys above the values."""
    form, sheet = invent(random, manner), Sheet(A5, "Work ticket")
    sheet.text(210, 56, "Halcyon Repairs", Ink("Vera-Bold", 16), "center")
    sheet.text(210, 76, "work ticket", Ink("Vera", 11), "center")
    rows = (
        (Pair("Report no.", form["ReportNumber"]), Pair("Date of visit", form["VisitDate"])),
        (Pair("Customer", form["Customer"]), Pair("Next service", form["next_service"])),
        (Pair("Technician", form["Technician"]), Pair("Call back", form.get("CallbackPhone"))),
        (Pair("Minutes on site", form["MinutesOnSite"]), Pair("Amount due", form["AmountDue"])),
    )
    for at, row in enumerate(rows):
        _ticket_row(sheet, 100 + at * 56, row)
    sheet.frame(Box(30, 324, 390, 400), "#222222", 1)
    _tick(sheet, 44, 352, Pair("Work completed", form["WorkCompleted"]), random)
    _tick(sheet, 44, 382, Pair("Under warranty", form["UnderWarranty"]), random)
    _signature(sheet, 240, 384, random)
    sheet.text(30, 436, f"{form['machine'].text}: {form['work'].text.lower()}", Ink("Vera-Italic", 10))
    beside(sheet, 30, 462, 110, Pair("Parts included", form["parts"]), Ink("Vera", 8.5), Ink("Vera", 10.5))
    _second_page(sheet, form, random)
    return sheet.finish()


def _ticket_row(sheet: Sheet, y: float, row: tuple[Pair, Pair]) -> None:
    for x, right, pair in ((30, 258, row[0]), (258, 390, row[1])):
        sheet.frame(Box(x, y, right, y + 56), "#222222", 1)
        above(sheet, x + 10, y + 19, pair, Ink("Vera", 8.5), Ink("Vera", 10.5))


def card(random: Random, manner: Manner) -> Drawing:
    """Ticks first, two blocks of keys with colons, the sum in a frame."""
    form, sheet = invent(random, manner), Sheet(A5, "Visit card")
    sheet.panel(Box(0, 0, 420, 64), "#dcdcdc")
    sheet.text(32, 42, "Visit card", Ink("Vera-Bold", 18))
    sheet.text(388, 42, "Northgate Technical", Ink("Vera", 10), "right")
    _tick(sheet, 32, 98, Pair("Job completed", form["WorkCompleted"]), random)
    _tick(sheet, 210, 98, Pair("Warranty", form["UnderWarranty"]), random)
    column(sheet, 32, 142, 112, _card_rows(form), _KEY, _VALUE, 31)
    sheet.frame(Box(32, 396, 388, 440), "#222222", 1.4)
    beside(sheet, 46, 424, 110, Pair("Total to pay:", form["AmountDue"]), _BOLD, Ink("Vera-Bold", 13))
    beside(sheet, 32, 470, 112, Pair("Parts included:", form["parts"]), _KEY, Ink("Vera", 10))
    _signature(sheet, 240, 545, random)
    _second_page(sheet, form, random)
    return sheet.finish()


def _card_rows(form: Report) -> list[Pair]:
    return given(
        Pair("Customer:", form["Customer"]),
        Pair("Report no.:", form["ReportNumber"]),
        Pair("Visited on:", form["VisitDate"]),
        Pair("Next service:", form["next_service"]),
        Pair("Technician:", form["Technician"]),
        Pair("Call back:", form.get("CallbackPhone")),
        Pair("Minutes on site:", form["MinutesOnSite"]),
    )


def slip(random: Random, manner: Manner) -> Drawing:
    """The newest print: sum near the top, stacked keys below, ticks at the foot."""
    form, sheet = invent(random, manner), Sheet(A5, "Service slip")
    sheet.text(36, 54, "Service slip", Ink("Vera-Bold", 17))
    sheet.text(384, 54, "Lakeside Engineers", Ink("Vera", 10), "right")
    column(sheet, 36, 92, 120, _slip_top(form), _KEY, _VALUE, 27)
    sheet.rule(36, 188, 384, 188, "#222222", 1)
    for at, (left, right) in enumerate(_slip_blocks(form)):
        above(sheet, 36, 214 + at * 50, left, _KEY, _VALUE)
        above(sheet, 236, 214 + at * 50, right, _KEY, _VALUE)
    sheet.rule(36, 356, 384, 356, "#222222", 1)
    _tick(sheet, 36, 388, Pair("Under warranty", form["UnderWarranty"]), random)
    _tick(sheet, 36, 420, Pair("Work completed", form["WorkCompleted"]), random)
    _signature(sheet, 240, 500, random)
    _second_page(sheet, form, random)
    return sheet.finish()


def _slip_top(form: Report) -> list[Pair]:
    return [
        Pair("Report no.", form["ReportNumber"]),
        Pair("Customer", form["Customer"]),
        Pair("Parts", form["parts"]),
        Pair("Amount due", form["AmountDue"]),
    ]


def _slip_blocks(form: Report) -> list[tuple[Pair, Pair]]:
    return [
        (Pair("Date of visit", form["VisitDate"]), Pair("Technician", form["Technician"])),
        (Pair("Next service", form["next_service"]), Pair("Minutes on site", form["MinutesOnSite"])),
        (Pair("Ordered on", form["ordered_on"]), Pair("Call back", form.get("CallbackPhone"))),
    ]


SERVICE_REPORT = FormDesign(
    form_type="service_report",
    description="Field service reports, scanned JPEG and TIFF",
    locale="en-US",
    medium="scan",
    fields=FIELDS,
    layouts={
        "carbon": Layout(carbon, Manner("%m/%d/%Y", "${:,.2f}", "({}) {}-{}")),
        "ticket": Layout(ticket, Manner("%m/%d/%Y", "${:,.2f}", "{}-{}-{}")),
        "card": Layout(card, Manner("%b %d, %Y", "${:,.2f}", "{}-{}-{}")),
        "slip": Layout(slip, Manner("%m/%d/%Y", "${:,.2f}", "{}-{}-{}")),
    },
    unseen="slip",
)

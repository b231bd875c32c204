from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal
from html.parser import HTMLParser
from typing import TYPE_CHECKING
from xml.etree import ElementTree

import pytest
from rich.console import Console

from pipeline.reports import text
from pipeline.reports.charts import histogram, reasons, throughput_chart
from pipeline.reports.page import render_page
from pipeline.reports.summary import Report, build_report
from pipeline.reports.text import duration, row_line
from pipeline.reports.throughput import Interval, Throughput
from pipeline.types import RunRow
from tests.unit.conftest import START

if TYPE_CHECKING:
    from tests.unit.conftest import Ledger

EVIL = "<script>alert(1)</script> [bold]x[/bold] [/]"
VOID = {"meta", "line", "rect", "br", "link"}


@pytest.fixture
def report(ledger: Ledger) -> Report:
    """A run with everything a page can show; names are as hostile as a file name can be."""
    ledger.form_type("invoice")
    ledger.form_type("idle")
    run = ledger.run({"form_type": "invoice", "loaded": 3, "pages": 6, "seconds": 2.0, "decision": EVIL})
    ledger.version("invoice", 1, f1=0.97531, training_documents=12)
    ledger.version("invoice", 2, "candidate", f1=0.9, reason=f"worse on {EVIL}")
    values = [
        {"field": EVIL, "review": True},
        {"field": "Total", "confidence": 0.31, "layout_confidence": 0.2},
    ]
    for n in range(3):
        finished = START + timedelta(seconds=7 * n)
        ledger.document("invoice", f"{n}", values=values, run_id=run, pages=2, finished_at=finished)
    ledger.document("invoice", EVIL.replace("/", "-"), "dead", reason="pdf-broken")
    with ledger.database.connect() as connection:
        return build_report(connection)


class _Outline(HTMLParser):
    """Checks that tags are closed in order, and keeps their names and attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag


def outline(page: str) -> _Outline:
    parser = _Outline()
    parser.feed(page)
    assert parser.open == []
    return parser


def test_the_page_needs_nothing_from_anywhere(report: Report) -> None:
    page = render_page(report, START)
    tags = outline(page).tags
    assert not {"script", "link", "img", "iframe", "object", "image", "use"} & {tag for tag, _ in tags}
    assert not [attrs for _, attrs in tags if {"src", "href", "style", "onclick"} & set(attrs)]
    assert not re.search(r"url\(|@import|https?://", page)


def test_names_from_outside_are_escaped(report: Report) -> None:
    page = render_page(report, START)
    assert "<script" not in page
    assert page.count("&lt;script&gt;") >= 4


def test_the_page_has_no_text_of_a_field(report: Report) -> None:
    assert "secret value" not in render_page(report, START)


def test_tables_name_their_columns_and_charts_say_what_they_show(report: Report) -> None:
    tags = outline(render_page(report, START)).tags
    assert all(attrs.get("scope") in ("col", "row") for tag, attrs in tags if tag == "th")
    charts = [attrs for tag, attrs in tags if tag == "svg"]
    assert len(charts) == 1 + 2 * 2 + 1
    assert all(attrs["role"] == "img" and attrs["aria-label"] for attrs in charts)


def test_charts_are_well_formed(report: Report) -> None:
    for chart in re.findall(r"<svg.*?</svg>", render_page(report, START), re.DOTALL):
        ElementTree.fromstring(chart)


def test_the_page_shows_what_the_report_says(report: Report) -> None:
    page = render_page(report, START)
    for expected in (
        "Run 1",
        "F1 0.975",
        "formpipe status --form-type invoice --outcome dead",
        "took 1 min",
    ):
        assert expected in page


def test_a_page_before_the_first_run_says_so(ledger: Ledger) -> None:
    with ledger.database.connect() as connection:
        page = render_page(build_report(connection), START)
    outline(page)
    assert "No run yet" in page
    assert "There is no form type yet" in page


# --- the terminal -----------------------------------------------------------------------------------


def printed(report: Report, width: int = 160) -> str:
    console = Console(width=width, highlight=False, color_system=None)
    with console.capture() as capture:
        console.print(text.render(report))
    return capture.get()


def test_the_report_prints_counts_causes_and_commands(report: Report) -> None:
    shown = printed(report)
    assert "Run 1  finished, started 2026-03-02 09:00:00 UTC, took 1 min 35 s" in shown
    assert re.search(r"this run .*\ninvoice +0 +0 +3 +0 +0\n", shown)
    assert re.search(r"its work .*\ninvoice +6 +0 +0 +2\.0 +3\.0\n", shown)
    assert re.search(r"as it stands now .*\ninvoice +0 +3 +0 +1 +0 +3\n", shown)
    assert "version 1, F1 0.975 (12 training forms); version 2 (F1 0.900) was not promoted" in shown
    assert "\n    formpipe status --form-type invoice --outcome dead\n" in shown


def test_form_types_the_run_had_no_part_in_are_left_out(report: Report, ledger: Ledger) -> None:
    assert "idle" not in printed(report)
    with ledger.database.connect() as connection:
        asked = build_report(connection, form_type="idle")
    assert re.search(r"this run .*\nidle +- +- +- +- +-\n", printed(asked))


def test_no_line_ends_in_a_blank(report: Report) -> None:
    for width in (80, 200):
        assert not [line for line in printed(report, width).splitlines() if line != line.rstrip()]


def test_a_failure_names_one_document_and_its_message(ledger: Ledger) -> None:
    ledger.form_type("invoice")
    ledger.document("invoice", "b", "dead", reason="damaged-pdf", message="the PDF is damaged [x]")
    with ledger.database.connect() as connection:
        found = build_report(connection)
    assert "1 dead: damaged-pdf (invoice)\n    invoice/in/b: the PDF is damaged [x]\n" in printed(found)
    assert "the PDF is damaged [x]" in render_page(found, START)


@pytest.mark.parametrize(
    ("row", "left", "line"),
    [
        (
            RunRow("x", "finished", "first model; version 1 trained: first model"),
            0,
            "finished: version 1 trained: first model",
        ),
        (RunRow("x", "finished", "always"), 0, "finished: always"),
        (
            RunRow("x", "stopped", "first model", loaded=2, dead=1),
            22,
            "stopped: 3 of 25 scored, 22 left for the next run",
        ),
        (RunRow("x", "stopped", "first model", loaded=3), None, "stopped: 3 scored"),
        (RunRow("x", "failed", reason="no-model: none"), 0, "failed: no-model: none; 0 scored"),
        (
            RunRow("x", "failed", reason="no-model: none"),
            5,
            "failed: no-model: none; 0 of 5 scored, 5 left for the next run",
        ),
    ],
)
def test_a_row_says_how_it_ended_and_what_is_left(row: RunRow, left: int | None, line: str) -> None:
    assert row_line(row, left) == line


def test_what_was_paid_and_what_limits_left_are_columns_where_there_is_any(ledger: Ledger) -> None:
    ledger.form_type("invoice")
    ledger.run({"form_type": "invoice", "loaded": 3, "left_over": 1200, "cost": Decimal("12.5")})
    with ledger.database.connect() as connection:
        told = printed(build_report(connection), 80)
    (heads, counts), (work, done) = ([line.split() for line in told.splitlines()[n : n + 2]] for n in (2, 5))
    assert (heads[-2:], counts[-1]) == (["left", "over"], "1,200")
    assert (work[-1], done[-1]) == ("USD", "12.50")


def test_documents_that_were_renamed_are_a_column_where_there_are_some(ledger: Ledger) -> None:
    ledger.form_type("invoice")
    ledger.run({"form_type": "invoice", "loaded": 1_007, "reused": 1_005, "cost": Decimal("12.5")})
    with ledger.database.connect() as connection:
        told = printed(build_report(connection), 80).splitlines()
    assert told[5].split()[-3:] == ["pages/s", "reused", "USD"]
    assert told[6].split()[-2:] == ["1,005", "12.50"]


def test_a_run_without_limits_and_costs_has_no_such_columns(report: Report) -> None:
    told = printed(report)
    assert "left over" not in told
    assert "reused" not in told
    assert "USD" not in told


def test_markup_in_names_is_shown_not_obeyed(report: Report) -> None:
    assert printed(report).count("[bold]x[/bold] [/]") == 3


def test_the_report_fits_a_narrow_terminal(report: Report) -> None:
    shown = printed(report, 80)
    assert max(map(len, shown.splitlines())) <= 80
    assert "…" not in shown
    assert re.search(r"this run +listed +unchanged +loaded +partial +dead\n", shown)


def test_the_report_has_no_text_of_a_field(report: Report) -> None:
    assert "secret value" not in printed(report)


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0, "0.0 s"), (4.24, "4.2 s"), (60, "1 min 00 s"), (3599.4, "59 min 59 s"), (3600, "1 h 00 min"),
        (7_260, "2 h 01 min"),
    ],
)  # fmt: skip
def test_a_duration_reads_like_a_duration(seconds: float, shown: str) -> None:
    assert duration(seconds) == shown


# --- geometry ---------------------------------------------------------------------------------------


def test_bars_are_as_tall_as_their_counts_and_few_never_vanish() -> None:
    chart = histogram((0, 1, 500, 1000, 0, 0, 0, 0, 0, 0), width=100, height=50)
    assert [bar.label for bar in chart.bars] == ["0.1 to 0.2: 1", "0.2 to 0.3: 500", "0.3 to 0.4: 1,000"]
    assert [bar.height for bar in chart.bars] == [1.5, 25, 50]
    assert all(bar.y + bar.height == 50 for bar in chart.bars)
    assert chart.bars[0].x == pytest.approx(11)


def test_an_empty_histogram_has_no_bar() -> None:
    assert histogram((0,) * 10).bars == ()


@pytest.mark.parametrize(
    ("pages", "top"), [(1, "0.1"), (45, "5"), (50, "5"), (51, "10"), (200, "20"), (1e5, "10000")]
)
def test_the_axis_ends_at_a_round_number_above_the_bars(pages: int, top: str) -> None:
    chart = throughput_chart(Throughput(10.0, (Interval(START, 1, pages),)), height=100)
    assert chart.y_ticks[-1].label == top
    assert 0 < chart.bars[0].height <= 100


def test_time_is_labelled_at_most_six_times() -> None:
    intervals = tuple(Interval(START + timedelta(seconds=n), 1, 1) for n in range(60))
    chart = throughput_chart(Throughput(1.0, intervals), width=600)
    assert len(chart.x_ticks) == 6
    assert chart.x_ticks[1].at == pytest.approx(100)


def test_reasons_are_summed_over_form_types(ledger: Ledger) -> None:
    for name in ("a", "b"):
        ledger.form_type(name)
        ledger.document(name, "1", "dead", reason="pdf-broken")
    ledger.document("a", "2", "dead", reason="empty-file")
    with ledger.database.connect() as connection:
        found = reasons(build_report(connection).form_types)
    assert [(r.reason, r.documents, r.share) for r in found] == [
        ("pdf-broken", 2, 1.0),
        ("empty-file", 1, 0.5),
    ]


def test_what_was_reused_left_over_and_paid_has_a_column_where_there_is_any(ledger: Ledger) -> None:
    ledger.form_type("invoice")
    ledger.form_type("idle")
    assert not RARE & columns(ledger)
    ledger.run({"form_type": "invoice", "reused": 4, "cost": Decimal("1.25")})
    assert columns(ledger) & RARE == {"Reused", "Cost, US$"}
    with ledger.database.connect() as connection:
        assert '<td class="n">1.25</td>' in render_page(build_report(connection), START)


RARE = {"Reused", "Left over", "Cost, US$"}


def columns(ledger: Ledger) -> set[str]:
    with ledger.database.connect() as connection:
        page = render_page(build_report(connection), START)
    return set(re.findall(r'<th scope="col" class="n">([^<]*)</th>', page))

"""The report as one HTML file that needs nothing else: no script, no font, no request."""

from __future__ import annotations

from datetime import datetime
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from pipeline.reports.advice import advise
from pipeline.reports.charts import histogram, reasons, throughput_chart
from pipeline.reports.summary import Report, pages_per_second
from pipeline.reports.text import duration, measure, row_line, score, share

_RARE = {"reused": "Reused", "left_over": "Left over", "cost": "Cost, US$"}
"""Columns that are there where a row of the run has something to say in them."""


def render_page(report: Report, written_at: datetime) -> str:
    """The report as HTML. Everything that comes from outside is escaped."""
    rows = [summary.run_row for summary in report.form_types if summary.run_row is not None]
    page = _template().render(
        report=report,
        written_at=written_at,
        totals={
            name: sum(getattr(row, name) for row in rows)
            for name in ("loaded", "partial", "dead", "pages", "ocr_pages", "field_values")
        },
        rare={name: title for name, title in _RARE.items() if any(getattr(row, name) for row in rows)},
        pending=sum(summary.documents.pending for summary in report.form_types),
        review=sum(summary.review for summary in report.form_types),
        chart=throughput_chart(report.throughput),
        reasons=reasons(report.form_types),
    )
    return page.lstrip()


@cache
def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("pipeline.reports", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["row_line"] = row_line
    environment.filters["count"] = lambda value: f"{value:,}"
    environment.filters["share"] = share
    environment.filters["score"] = score
    environment.filters["measure"] = measure
    environment.filters["duration"] = duration
    environment.filters["when"] = lambda moment: f"{moment:%Y-%m-%d %H:%M:%S} UTC"
    environment.filters["histogram"] = histogram
    environment.filters["advice"] = advise
    environment.filters["rate"] = pages_per_second
    return environment.get_template("page.html.j2")

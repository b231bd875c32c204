"""Names from outside add nothing to a report but text."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path

import pytest
from sqlalchemy import Engine

from pipeline.accounts import FolderStorages
from pipeline.errors import DocumentError
from pipeline.formats.result_json import output_path
from pipeline.reports.page import render_page
from pipeline.reports.summary import build_report
from pipeline.types import AccountNames
from tests.unit.conftest import START, Ledger

HOSTILE = [
    "<script>alert(1)<-script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "javascript:alert(1)",
    "{{7*7}}{% include 'x' %}",
    "]]><!--",
    "&lt;b&gt;&#60;",
    "'; DROP TABLE document;--",
    '=HYPERLINK("http:--x","y")',
    "%00%2e%2e%2f",
]


class _Outline(HTMLParser):
    """Elements and the names of their attributes, as a browser would make them."""

    def __init__(self) -> None:
        super().__init__()
        self.elements: list[tuple[str, ...]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, *(name for name, _ in attrs)))

    def handle_comment(self, data: str) -> None:
        self.elements.append(("comment",))


def outline(ledger: Ledger, name: str) -> list[tuple[str, ...]]:
    ledger.form_type("bills")
    row = {"form_type": "bills", "state": "failed", "decision": name, "reason": name}
    run = ledger.run(row)
    ledger.version("bills", 1, f1=0.9)
    ledger.version("bills", 2, "candidate", f1=0.8, reason=name)
    ledger.document("bills", f"{name}.pdf", "dead", reason=name[:60], message=name, run_id=run)
    ledger.document("bills", "b", values=[{"field": name, "review": True, "text": name}], run_id=run)
    with ledger.database.connect() as connection:
        page = render_page(build_report(connection), START)
    found = _Outline()
    found.feed(page)
    return found.elements


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_adds_no_element_and_no_attribute(
    name: str, database: Engine, second_database: Engine, tmp_path: Path
) -> None:
    plain = outline(Ledger(second_database, tmp_path / "plain"), "x" * len(name))
    assert outline(Ledger(database, tmp_path / "hostile"), name) == plain
    assert not [tag for tag, *_ in plain if tag in ("script", "iframe", "img", "comment")]


@pytest.mark.parametrize(
    "name",
    [*HOSTILE, "../../x", "/etc/x", "a/../../x", "C:\\x", "..\\x", "a\nb", "n" * 900, "\x1b[2J", "a\x00b"],
)
def test_no_name_of_a_document_leads_its_output_out_of_the_folder(name: str, tmp_path: Path) -> None:
    storage = FolderStorages(tmp_path / "root").of(AccountNames())
    (tmp_path / "root" / "forms").mkdir(parents=True)
    try:
        storage.write("forms", output_path("out/", "in/", f"in/{name}"), b"{}")
    except DocumentError as error:
        assert error.reason == "unsafe-path"
    except Exception as error:
        assert getattr(error, "reason", "") == "storage-not-writable"
    written = [file for file in tmp_path.rglob("*") if file.is_file()]
    assert all(file.is_relative_to(tmp_path / "root" / "forms" / "out") for file in written)

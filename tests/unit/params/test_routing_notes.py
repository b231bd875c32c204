"""What is told of routers before they run."""

from __future__ import annotations

import pytest

from pipeline.params.routing_notes import routing_notes
from pipeline.types import FormType


def row(name: str, folder: str = "", **columns: object) -> FormType:
    return FormType(name, name, "lake", f"{name}/train/", "lake", folder or f"{name}/in/", **columns)  # type: ignore[arg-type]


MAIL = row("mail", model_kind="classes", routes=True)
INVOICE, RECEIPT = row("invoice"), row("receipt")


def codes(rows: list[FormType], *classes: str) -> list[str]:
    return [note.code for note in routing_notes(rows, {"mail": classes})]


@pytest.mark.parametrize(
    ("classes", "told"),
    [
        (("invoice", "receipt"), []),
        (("invoice", "letter"), ["class-without-form-type"]),
        (("letter", "other"), ["router-without-targets"]),
        (("invoice", "mail"), ["class-is-router"]),
        ((), []),
    ],
)
def test_classes_that_are_no_form_types_are_told(classes: tuple[str, ...], told: list[str]) -> None:
    assert codes([MAIL, INVOICE, RECEIPT], *classes) == told


def test_a_form_type_that_is_off_takes_nothing() -> None:
    off = row("receipt", enabled=False)
    assert codes([MAIL, INVOICE, off], "invoice", "receipt") == ["class-without-form-type"]


def test_a_backlog_that_others_read_is_told() -> None:
    inside = row("scans", folder="mail/in/scans/")
    assert codes([MAIL, INVOICE, inside]) == ["backlog-of-router-shared"]
    assert codes([MAIL, INVOICE, row("scans", folder="mail/inbox/")]) == []

"""Items of documents: what the typed view shows, and no other digest on another dialect."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import update

from pipeline.db.tables import field_value, model_version
from pipeline.formats.item_json import item_id, item_to_json, json_bytes, json_number, partition_key, sealed
from pipeline.types import SinkItem

if TYPE_CHECKING:
    from tests.unit.delivering.conftest import Filing

CONTENT = "c7" + "0" * 62
PLACE = "b5" + "1" * 62
START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def test_a_document_becomes_one_item_with_its_values_typed(filing: Filing) -> None:
    version = filing.insert(
        model_version,
        form_batch_group_id="w9",
        version=3,
        engine="local",
        model_kind="form",
        fingerprint="f",
        state="active",
        created_at=START,
    )
    key = filing.document(model_version_id=version)
    only = filing.part(key, confidence=0.25)
    filing.value(only, "name", text="Ann Lee", value_text="Ann Lee", confidence=0.75, page=1)
    filing.value(
        only, "total", text="$12.10", value_number=Decimal("12.10"), currency="USD", confidence=0.5, page=2
    )
    filing.value(only, "issued", text="1 May 2020", value_date=date(2020, 5, 1), review=True)
    filing.value(only, "at", text="9:30", value_time=time(9, 30))
    filing.value(only, "paid", text="selected", value_mark="selected")
    filing.value(only, "odd", text="03/04/2020")
    body = filing.body(key)
    fields, digest = body.pop("fields"), body.pop("digest")
    assert body == {
        "id": item_id("w9", PLACE, CONTENT),
        "partition_key": "w9-c7",
        "form_type": "w9",
        "account": "formsdb",
        "container": "forms",
        "path": "in/Ä.pdf",
        "content_hash": CONTENT,
        "outcome": "loaded",
        "pages": 2,
        "model_version": 3,
        "scored_at": START.isoformat(),
    }
    assert len(digest) == 64
    assert {name: field["value"] for name, field in fields.items()} == {
        "name": "Ann Lee",
        "total": 12.1,
        "issued": "2020-05-01",
        "at": "09:30:00",
        "paid": "selected",
        "odd": None,
    }
    assert fields["name"] == {
        "value": "Ann Lee",
        "text": "Ann Lee",
        "confidence": 0.75,
        "page": 1,
        "source": "model",
        "review": False,
    }
    assert (fields["total"]["currency"], fields["issued"]["review"]) == ("USD", True)


def test_a_persons_value_wins_for_its_occurrence_alone(filing: Filing) -> None:
    key = filing.document()
    only = filing.part(key)
    for source, occurrence, text in [
        ("person", 1, "right"),
        ("model", 0, "first"),
        ("model", 1, "wrong"),
        ("model", 2, "third"),
    ]:
        filing.value(only, "line", occurrence=occurrence, source=source, text=text, value_text=text)
    filing.value(only, "name", source="model", text="wrong", value_text="wrong")
    filing.value(only, "name", source="person", text=None)
    fields = filing.body(key)["fields"]
    assert [each["text"] for each in fields["line"]["occurrences"]] == ["first", "right", "third"]
    assert [each["source"] for each in fields["line"]["occurrences"]] == ["model", "person", "model"]
    assert fields["line"]["value"] == "first"
    assert (fields["name"]["value"], fields["name"]["source"]) == (None, "person")
    assert "occurrences" not in fields["name"]


def test_further_parts_of_a_document_come_with_their_fields(filing: Filing) -> None:
    key = filing.document()
    for number in (2, 1):
        filing.value(
            filing.part(key, number, doc_type="w9"), "name", text=str(number), value_text=str(number)
        )
    body = filing.body(key)
    assert body["fields"]["name"]["value"] == "1"
    [more] = body["parts"]
    assert (more["number"], more["doc_type"], more["first_page"]) == (2, "w9", 2)
    assert more["fields"]["name"]["value"] == "2"


@pytest.mark.parametrize(
    ("columns", "shown"),
    [
        ({"outcome": "partial"}, True),
        ({"outcome": "gone"}, True),
        ({"outcome": "dead"}, False),
        ({"outcome": None, "stage": "pending"}, False),
    ],
)
def test_what_the_view_does_not_show_is_no_item(filing: Filing, columns: dict[str, Any], shown: bool) -> None:
    key = filing.document(**columns)
    filing.part(key)
    assert (filing.item(key) is not None) is shown


def test_a_document_of_which_nothing_was_read_is_no_item(filing: Filing) -> None:
    assert filing.item(filing.document(outcome="unrouted")) is None


def test_the_digest_follows_the_values(filing: Filing) -> None:
    key = filing.document()
    only = filing.part(key)
    filing.value(only, "name", text="Ann", value_text="Ann")
    before = filing.item(key)
    assert before == filing.item(key)
    with filing.engine.begin() as connection:
        connection.execute(update(field_value).values(value_text="Bob"))
    after = filing.item(key)
    assert before is not None and after is not None
    assert (before.id, before.digest != after.digest) == (after.id, True)


def test_the_digest_is_the_same_on_every_dialect(filing: Filing) -> None:
    key = filing.document()
    only = filing.part(key)
    filing.value(only, "b", text="1", value_number=Decimal("1234.5"), confidence=0.1)
    filing.value(only, "Ä", text="2", value_number=Decimal("100"))
    filing.value(only, "a_", text="x", value_text="x", ambiguous=True)
    found = filing.item(key)
    assert found is not None
    assert found.digest[:12] == "f398c2d5d219"


# --- keys and numbers -------------------------------------------------------------------------------


def test_the_id_follows_form_type_place_and_content() -> None:
    ids = {
        item_id("w9", PLACE, CONTENT),
        item_id("w8", PLACE, CONTENT),
        item_id("w9", CONTENT, CONTENT),
        item_id("w9", PLACE, "d" * 64),
    }
    assert len(ids) == 4
    assert item_id("w9", PLACE, CONTENT) == item_id("w9", PLACE, CONTENT)
    assert all(len(each) == 64 and set(each) <= set("0123456789abcdef") for each in ids)
    assert partition_key("w9", item_id("w9", PLACE, CONTENT)) == "w9-c7"


def test_a_document_whose_content_nobody_hashed_has_a_key_too() -> None:
    assert partition_key("w9", item_id("w9", PLACE, None)) == "w9-b5"


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        ("12.1000000000", 12.1),
        ("100.0000000000", 100),
        ("-0.05", -0.05),
        ("0", 0),
        ("-0.00", 0),
        ("9007199254740991", 9007199254740991),
        ("9007199254740993", "9007199254740993"),
        ("1" + "0" * 25, 1e25),
        ("0.1234567890123456", "0.1234567890123456"),
        ("1234567890123456789012345678.0123456789", "1234567890123456789012345678.0123456789"),
    ],
)
def test_a_number_is_json_where_it_comes_back_as_it_was(number: str, expected: object) -> None:
    found = json_number(Decimal(number))
    assert (found, type(found)) == (expected, type(expected))


@given(st.decimals(-(10**28), 10**28, places=10, allow_nan=False, allow_infinity=False))
def test_every_decimal_comes_back_from_json(number: Decimal) -> None:
    found = json.loads(json.dumps(json_number(number)))
    assert Decimal(str(found)) == number


def test_half_a_surrogate_pair_comes_back() -> None:
    item = SinkItem(
        "a", "w9-aa", "w9", "", "f", "p", None, "loaded", 1, 1, None, {"n": {"value": "\ud800 ü"}}
    )
    line = json_bytes(item_to_json(sealed(item)))
    assert json.loads(line)["fields"]["n"]["value"] == "\ud800 ü"
    assert sealed(item).digest == sealed(replace(item, digest="other")).digest


def test_a_value_of_a_running_text_has_its_place_there(filing: Filing) -> None:
    key = filing.document()
    only = filing.part(key)
    filing.value(only, "party", text="Woods", value_text="Woods", text_offset=12, text_length=5)
    filing.value(only, "total", text="1")
    fields = filing.body(key)["fields"]
    assert (fields["party"]["offset"], fields["party"]["length"]) == (12, 5)
    assert not {"offset", "length"} & set(fields["total"])

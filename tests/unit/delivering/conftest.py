"""Documents with values as scoring leaves them, on every dialect."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import Engine, insert

from pipeline.db.connection import reading
from pipeline.db.tables import document, field_value, form_type, part
from pipeline.delivering.items import build_items
from pipeline.formats.item_json import item_to_json, json_bytes
from pipeline.types import SinkItem

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
CONTENT = "c7" + "0" * 62
PLACE = "b5" + "1" * 62


class Filing:
    """Writes documents, parts and values as scoring does."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.insert(
            form_type, form_type="w9", training_container_name="forms", scoring_container_name="forms"
        )

    def insert(self, table: Any, **values: Any) -> Any:
        with self.engine.begin() as connection:
            key = connection.execute(insert(table).values(**values)).inserted_primary_key
        assert key is not None
        return key[0]

    def document(self, **changes: Any) -> int:
        values = {
            "form_type": "w9",
            "account": "formsdb",
            "container": "forms",
            "path": "in/Ä.pdf",
            "path_hash": PLACE,
            "etag": "1",
            "size": 1,
            "content_hash": CONTENT,
            "pages": 2,
            "stage": "done",
            "outcome": "loaded",
            "first_seen_at": START,
            "finished_at": START,
        }
        return int(self.insert(document, **(values | changes)))

    def part(self, document_id: int, number: int = 1, **changes: Any) -> int:
        values = {"document_id": document_id, "number": number, "first_page": number, "last_page": number}
        return int(self.insert(part, **(values | changes)))

    def value(self, part_id: int, field: str, **values: Any) -> None:
        with self.engine.begin() as connection:
            connection.execute(insert(field_value).values(part_id=part_id, field=field, **values))

    def item(self, key: int) -> SinkItem | None:
        with reading(self.engine) as connection:
            return build_items(connection, [key]).get(key)

    def body(self, key: int) -> dict[str, Any]:
        found = self.item(key)
        assert found is not None
        body: dict[str, Any] = json.loads(json_bytes(item_to_json(found)))
        return body


@pytest.fixture
def filing(each_database: Engine) -> Filing:
    return Filing(each_database)


@pytest.fixture
def make_filing() -> type[Filing]:
    return Filing

"""Which version of which service a call speaks, as its URL says."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from typing import NamedTuple

from pipeline.services import load_services

_V2 = re.compile(r"/formrecognizer/(v[\w.-]+)/", re.IGNORECASE)


class Spoken(NamedTuple):
    """An engine and its API version as `config/services.toml` names them; no version where the URL says
    none."""

    engine: str
    version: str

    def retired(self, today: date) -> bool:
        """Whether it was retired before this day."""
        service = load_services().get(self.engine)
        return service is not None and service.version(self.version).retired(today)


def spoken(path: str, query: Mapping[str, str]) -> Spoken:
    found = _V2.match(path)
    if found:
        return Spoken("form-recognizer", found[1].lower())
    return Spoken("document-intelligence", query.get("api-version", ""))

"""Which version of which service a call speaks, as its URL says."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from typing import NamedTuple

from pipeline.services import load_services

_TEXTS = re.compile(r"/(?:language/text/authoring|text/analytics)/(v[\w.-]+)/", re.IGNORECASE)
_AUTHORING = {"v3.1-preview.ct.1": "v1.0-preview.2", "v3.2-preview.2": "2021-11-01-preview"}
"""The version of authoring that a runtime was published with."""
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
    found = _TEXTS.match(path)
    if found:
        version = found[1].lower()
        return Spoken("language", _AUTHORING.get(version, version))
    if path.lower().startswith("/language/"):
        return Spoken("language", query.get("api-version", ""))
    return Spoken("document-intelligence", query.get("api-version", ""))

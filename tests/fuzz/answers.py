"""What a service that has gone wrong answers: scripts of a POST and the polls after it, of real answers."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from random import Random
from typing import Any

from pipeline.remote import Analysis, AnalyzedDocument
from pipeline.types import Box, ExtractedField, FieldSpec, Layout, Line, Page, TypedValue, Word
from pipeline.wire.document_intelligence import encode_analysis as of_document_intelligence
from pipeline.wire.document_intelligence.text_index import INDEXES
from pipeline.wire.document_intelligence.versions import VERSIONS as DOCUMENT_INTELLIGENCE
from pipeline.wire.form_recognizer import encode_analysis as of_form_recognizer
from pipeline.wire.form_recognizer.versions import VERSIONS as FORM_RECOGNIZER
from tests.fuzz.json_mutation import mutated
from tests.unit.wire.samples import SAMPLES, answers

FIELDS = (
    FieldSpec("Total", "currency"),
    FieldSpec("Date", "date"),
    FieldSpec("Paid", "selectionMark"),
    FieldSpec("Count", "integer"),
)
VERSIONS = [("form-recognizer", name) for name in FORM_RECOGNIZER] + [
    ("document-intelligence", name) for name in DOCUMENT_INTELLIGENCE
]
_TIME = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
_LONGEST_SEED = 70_000


@dataclass(frozen=True, slots=True)
class Said:
    """One answer. `{origin}`, `{here}` and `{foreign}` in headers are filled in by the server; `hang_up`:
    the connection ends in the middle of the body."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    hang_up: bool = False


@dataclass(frozen=True, slots=True)
class Script:
    """What one document meets. `ends_row`: the fault is about the resource or the endpoint, and may end the
    row for a run; nothing else may. The last poll is given again and again."""

    number: int
    engine: str
    version: str
    told: str
    post: Said
    polls: tuple[Said, ...]
    ends_row: bool = False

    @property
    def recipe(self) -> str:
        return f"#{self.number} {self.engine} {self.version}: {self.told}"


# --- real answers -------------------------------------------------------------------------------------


def seeds(engine: str, version: str) -> list[bytes]:
    """Answers to the poll of a finished analysis: the emulator's, and the recorded ones where they are."""
    found = [_of_the_emulator(engine, version)]
    folder = {"form-recognizer": "formrecognizer", "document-intelligence": "documentintelligence"}[engine]
    if SAMPLES.is_dir():
        bodies = [json.dumps(each.body) for each in _analyses(folder)]
        found += [body.encode() for body in sorted(bodies, key=len) if len(body) < _LONGEST_SEED]
    return found


def _analyses(folder: str) -> list[Any]:
    """Of whatever version: one that answers in another's shape is a mutant of its own."""
    return [
        each
        for each in answers(folder)
        if isinstance(each.body, dict) and isinstance(each.body.get("analyzeResult"), dict)
    ]


def sound(engine: str, version: str) -> bytes:
    """A good answer: one page, four values."""
    return _of_the_emulator(engine, version)


def _of_the_emulator(engine: str, version: str) -> bytes:
    analysis = _analysis()
    if engine == "form-recognizer":
        made = FORM_RECOGNIZER[version]
        result = of_form_recognizer.labelled_result(analysis, FIELDS, made, "m", details=True)
        return json.dumps(of_form_recognizer.envelope("succeeded", _TIME, _TIME, result)).encode()
    result = of_document_intelligence.model_result(
        analysis,
        DOCUMENT_INTELLIGENCE[version],
        model_id="m",
        index=next(iter(INDEXES)),
        fields={"m": FIELDS},
    )
    return json.dumps(of_document_intelligence.envelope("succeeded", _TIME, _TIME, result)).encode()


def _analysis() -> Analysis:
    texts = ("Total", "12.50", "Date", "2026-03-04", "Count", "7")
    words = tuple(Word(text, Box(1 + n, 1, 1.8 + n, 1.2).polygon, 0.98) for n, text in enumerate(texts))
    line = Line(" ".join(texts), Box(1, 1, 7, 1.2).polygon, words)
    given = {
        "Total": TypedValue(number=Decimal("12.50"), currency="EUR"),
        "Date": TypedValue(date=date(2026, 3, 4)),
        "Count": TypedValue(number=Decimal(7)),
        "Paid": TypedValue(mark="selected"),
    }
    shown = {"Total": "12.50", "Date": "2026-03-04", "Count": "7", "Paid": "selected"}
    values = tuple(
        ExtractedField(name, text, 1, words[1].polygon, 0.9, given=given[name])
        for name, text in shown.items()
    )
    return Analysis(
        Layout((Page(1, 8.5, 11, "inch", (line,)),), 1), (AnalyzedDocument("m", 1, 1, values),), "m"
    )


# --- scripts ------------------------------------------------------------------------------------------


class Scripts:
    """Scripts by number, each made of a seed and its number alone."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._seeds = {version: seeds(*version) for version in VERSIONS}

    def make(self, number: int) -> Script:
        random = Random(f"answers {self._seed} {number}")
        engine, version = VERSIONS[number % len(VERSIONS)]
        good = random.choice(self._seeds[(engine, version)])
        kind = random.choices(_KINDS, _WEIGHTS)[0]
        told, post, polls, ends_row = kind(random, good)
        return Script(number, engine, version, told, post, polls, ends_row)


_Made = tuple[str, Said, tuple[Said, ...], bool]
TAKEN = Said(202, b"", {"Operation-Location": "{origin}{here}"})


def _wrong_body(random: Random, good: bytes) -> _Made:
    body, told = mutated(good, random)
    return told, TAKEN, (Said(200, body, {"Content-Type": "application/json"}),), False


def _running_first(random: Random, good: bytes) -> _Made:
    """States that are none, and members that a running operation does not have."""
    state = random.choice(
        (b'"notStarted"', b'"RUNNING"', b'"queued"', b"null", b"7", b"[]", b'{"a":1}', b'""')
    )
    first = Said(200, b'{"status": ' + state + b"}", {"Retry-After": random.choice(_WAITS)})
    body, told = mutated(good, random)
    return f"status {state.decode()}, then {told}", TAKEN, (first, Said(200, body)), False


def _for_ever(random: Random, good: bytes) -> _Made:
    said = Said(200, b'{"status": "running"}', {"Retry-After": random.choice(_WAITS)})
    return f"running for ever, Retry-After {said.headers['Retry-After'][:20]!r}", TAKEN, (said,), False


def _failed(random: Random, good: bytes) -> _Made:
    error: Any = random.choice(
        (None, "text", [], [[]], {"code": 7}, {"code": None, "message": {}, "details": "x"})
    )
    nested: Any = {"code": "A", "message": "\x1b[31mred\x00\ud800"}
    for _ in range(random.choice((1, 30))):
        nested = {"code": "B", "innererror": nested, "details": [nested] if random.random() < 0.2 else 4}
    error = random.choice((error, nested))
    where = random.choice(("error", "errors", "analyzeResult"))
    value = {"errors": [error]} if where == "analyzeResult" else error
    body = json.dumps({"status": "failed", where: value}).encode()
    return f"failed with {where}", TAKEN, (Said(200, body),), False


def _wrong_status(random: Random, good: bytes) -> _Made:
    """Of a poll. What says that nobody may ask, or that nothing more is to be had, ends the row."""
    status = random.choice(
        (201, 204, 301, 302, 304, 307, 400, 401, 403, 404, 405, 409, 410, 413, 418, 422, 429)
    )
    status = random.choice((status, 500, 501, 502, 503, 504, 505, 520, 599))
    body = random.choice(
        (b"", b"null", b"[]", b"<html>", b'{"error": {"code": "x"}}', b'{"error": []}', good)
    )
    headers = {"Retry-After": random.choice(_SHORT_WAITS), "Location": "{foreign}/elsewhere"}
    first = Said(status, body, headers, hang_up=random.random() < 0.1)
    return f"poll {status}", TAKEN, (first,), status not in (200, 201, 202, 204)


def _wrong_post(random: Random, good: bytes) -> _Made:
    status = random.choice(
        (200, 201, 204, 301, 302, 307, 308, 400, 401, 403, 404, 409, 410, 413, 415, 422, 429)
    )
    status = random.choice((status, 500, 502, 503, 504, 599))
    body, told = mutated(b'{"error": {"code": "1005", "message": "no", "innererror": {"code": "x"}}}', random)
    headers = {"Retry-After": random.choice(_SHORT_WAITS), "Location": "{foreign}/elsewhere"}
    return (
        f"POST {status} {told}",
        Said(status, body, headers, random.random() < 0.1),
        (Said(200, good),),
        True,
    )


def _wrong_place(random: Random, good: bytes) -> _Made:
    where = random.choice(_PLACES)
    headers = {random.choice(("Operation-Location", "operation-location", "Location")): where}
    headers = headers if random.random() < 0.9 else {}
    return f"operation at {headers}"[:160], Said(202, b"", headers), (Said(200, good),), True


_WAITS = (
    "0", "1", "-1", "0.5", "soon", "", "²", "٣", "1e9", "99999999", "9" * 400, "nan", "inf",
    "Wed, 21 Oct 2015 07:28:00 GMT", "Fri, 31 Dec 9999 23:59:59 GMT", "Mon, 01 Jan 0001 00:00:00 +2359",
)  # fmt: skip
_SHORT_WAITS = (
    "0",
    "-1",
    "0.1",
    "soon",
    "",
    "²",
    "nan",
    "inf",
    "Wed, 21 Oct 2015 07:28:00 GMT",
    "Mon, 01 Jan 0001 00:00:00 +2359",
)
"""Of refusals: all calls of a resource keep to them, for an hour at most."""
_PLACES = (
    "{foreign}{here}", "http://user:secret@{authority}{here}", "http://{authority}@{foreign_authority}{here}",
    "http://{authority}:1{here}", "//{foreign_authority}{here}", "{here}", "", " ", "ftp://{authority}{here}",
    "https://{authority}{here}", "http://[::1{here}", "http://[::ffff:127.0.0.1]:{foreign_port}{here}",
    "http://127.1:{foreign_port}{here}", "http://2130706433:{foreign_port}{here}", "http:///{here}",
    "http://{authority}\\@{foreign_authority}{here}", "http://{authority}%2f@{foreign_authority}{here}",
    "http://{authority}#@{foreign_authority}{here}", "http://{authority}?@{foreign_authority}{here}",
    "http://127.0.0.1:99999{here}", "http://{authority}.{here}", "http://①②⑦.⓪.⓪.①{here}",
    "file:///etc/passwd", "javascript:alert(1)", "{origin}/../../..{here}", "{origin}" + "/a" * 40_000,
)  # fmt: skip
_KINDS: tuple[Callable[[Random, bytes], _Made], ...] = (
    _wrong_body, _running_first, _for_ever, _failed, _wrong_status, _wrong_post, _wrong_place,
)  # fmt: skip
_WEIGHTS = (60, 8, 2, 8, 8, 7, 7)

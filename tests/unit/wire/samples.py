"""Real answers of the services, kept beside the project in `../shared/contracts/samples`: every body and
every recorded session, by service. What they hold is described in that folder's `ORIGINS.md`."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

SAMPLES = Path(__file__).parents[3].parent / "shared" / "contracts" / "samples"
MISSING = "the samples of the services (../shared/contracts/samples) are not on this machine"


@dataclass(frozen=True, slots=True)
class Sample:
    """One JSON body. `place` says where it stands: the file below the service's folder, and what in it."""

    place: str
    body: Any = field(repr=False)


@dataclass(frozen=True, slots=True)
class Exchange:
    """A recorded request and its answer. `sent` is JSON, text that stands for a binary body, or None."""

    method: str
    url: str
    content_type: str | None
    sent: Any
    status: int
    headers: dict[str, str]
    body: Any = field(repr=False)


def answers(service: str) -> list[Sample]:
    """Every JSON body that the service answered or may answer, in files of any kind."""
    return [sample for path in _files(service) for sample in _answers(path, _place(service, path))]


def requests(service: str) -> list[Sample]:
    """The `parameters` of the OpenAPI examples: what a request to the service holds."""
    return [
        Sample(_place(service, path), content["parameters"])
        for path in _files(service)
        if "parameters" in (content := _content(path))
    ]


def sessions(service: str) -> dict[str, tuple[Exchange, ...]]:
    """The recorded sessions by their place."""
    return {
        _place(service, path): tuple(_exchange(item) for item in content["exchanges"])
        for path in _files(service)
        if "exchanges" in (content := _content(path))
    }


def each(samples: list[Sample]) -> list[Any]:
    """Parameters of a test, one for each sample; without the folder one that is skipped with the reason."""
    if not samples and not SAMPLES.is_dir():
        return [pytest.param(None, marks=pytest.mark.skip(reason=MISSING), id="no samples")]
    return [pytest.param(sample, id=sample.place) for sample in samples]


def _files(service: str) -> list[Path]:
    return sorted((SAMPLES / service).rglob("*.json"))


def _place(service: str, path: Path) -> str:
    return path.relative_to(SAMPLES / service).as_posix()


def _content(path: Path) -> Any:
    return _without_notes(json.loads(path.read_text(encoding="utf-8")))


def _without_notes(node: Any) -> Any:
    """The collector put `...7 more entries cut by us` where a list was cut."""
    if isinstance(node, dict):
        return {name: _without_notes(child) for name, child in node.items()}
    if isinstance(node, list):
        return [_without_notes(child) for child in node if not _is_note(child)]
    return node


def _is_note(node: Any) -> bool:
    return isinstance(node, str) and re.fullmatch(r"\.\.\.\d+ more entries cut by us", node) is not None


def _answers(path: Path, place: str) -> Iterator[Sample]:
    content = _content(path)
    if "exchanges" in content:
        for number, item in enumerate(content["exchanges"]):
            if isinstance(body := item["response"].get("body"), dict):
                yield Sample(f"{place}#{number}", body)
    elif "responses" in content:
        for status, answer in content["responses"].items():
            if isinstance(body := answer.get("body"), dict):
                yield Sample(f"{place}#{status}", body)
    else:
        yield Sample(place, content)


def _exchange(item: dict[str, Any]) -> Exchange:
    asked, answer = item["request"], item["response"]
    return Exchange(
        asked["method"],
        asked["url"],
        asked.get("content-type"),
        asked.get("body"),
        answer["status"],
        {name.lower(): value for name, value in answer["headers"].items()},
        answer.get("body"),
    )

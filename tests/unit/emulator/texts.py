"""An emulator with projects of texts: its containers are folders, and what workers do is done here."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from pipeline.emulator import work
from pipeline.emulator.app import create_app
from pipeline.emulator.options import EmulatorOptions

KEYS = ("one", "two")
CONTAINER = "lake"
SMILE = "\U0001f600"
_TOWNS = ("Oslo", "Bergen", "Turku", "Malmo", "Narvik", "Umea", "Tampere", "Bodo", "Aarhus", "Odense")
_TOPICS = {
    "weather": "rain wind sun clouds storm forecast degrees snow",
    "food": "bread soup cheese kitchen recipe salt oven dinner",
}


def letters(count: int = 20) -> list[tuple[str, str, list[tuple[str, int, int]]]]:
    """Letters with a picture at their head and a town in them: name, text, entities in UTF-16 units."""
    found = []
    for number in range(count):
        head = f"{SMILE} Letter number {number + 1}.\nWe met in the town of "
        town = _TOWNS[number % len(_TOWNS)]
        text = f"{head}{town} and had a good time there."
        offset = len(head.encode("utf-16-le")) // 2
        found.append((f"letters/{number:02}.txt", text, [("Town", offset, len(town))]))
    return found


def notes(count: int = 40) -> list[tuple[str, str, list[str]]]:
    """Notes on one of two topics each: name, text, classes."""
    found = []
    for number in range(count):
        topic = list(_TOPICS)[number % 2]
        words = _TOPICS[topic].split()
        told = " ".join(words[(number * 3 + step) % len(words)] for step in range(5))
        found.append((f"notes/{number:02}.txt", f"Note {number}: {told}.", [topic]))
    return found


def lay_down(folder: Path) -> None:
    """All of them, in the container."""
    for name, text, _ in (*letters(), *notes()):
        file = folder / CONTAINER / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")


def file_of_letters(**more: Any) -> dict[str, Any]:
    documents = [
        {
            "location": name,
            "language": "en-us",
            "entities": [
                {
                    "regionOffset": 0,
                    "regionLength": 100,
                    "labels": [{"category": c, "offset": o, "length": n} for c, o, n in spans],
                }
            ],
        }
        for name, _, spans in letters()
    ]
    return _file("CustomEntityRecognition", {"entities": [{"category": "Town"}]}, documents, more)


def file_of_notes(kind: str = "CustomSingleLabelClassification", **more: Any) -> dict[str, Any]:
    single = kind == "CustomSingleLabelClassification"
    documents = []
    for name, _, classes in notes():
        told: dict[str, Any] = {"location": name, "language": "en-us"}
        each = [{"category": category} for category in classes]
        documents.append(told | ({"class": each[0]} if single else {"classes": each}))
    return _file(kind, {"classes": [{"category": name} for name in _TOPICS]}, documents, more)


def _file(
    kind: str, categories: Mapping[str, Any], documents: Sequence[Any], more: Mapping[str, Any]
) -> dict[str, Any]:
    metadata = {
        "projectKind": kind,
        "storageInputContainerName": CONTAINER,
        "projectName": "P",
        "multilingual": False,
        "description": "",
        "language": "en",
    }
    return {
        "projectFileVersion": "2022-05-01",
        "stringIndexType": "Utf16CodeUnit",
        "metadata": metadata | dict(more),
        "assets": {"projectKind": kind, **categories, "documents": list(documents)},
    }


def preview_of_letters() -> dict[str, Any]:
    """In the shape of 2021-11-01-preview."""
    documents = [
        {
            "location": name,
            "language": "en-us",
            "extractors": [
                {
                    "regionOffset": 0,
                    "regionLength": 100,
                    "labels": [{"extractorName": c, "offset": o, "length": n} for c, o, n in spans],
                }
            ],
        }
        for name, _, spans in letters()
    ]
    metadata = {
        "name": "P",
        "multiLingual": False,
        "description": "",
        "modelType": "Extraction",
        "language": "en",
        "storageInputContainerName": CONTAINER,
        "settings": {},
    }
    assets = {"extractors": [{"name": "Town"}], "documents": documents}
    return {"api-version": "2021-11-01-preview", "metadata": metadata, "assets": assets}


class TextHouse:
    """An emulator with its clients, and a clock that can be turned. Work is done at once, in this process,
    unless it is `held`."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, **options: Any) -> None:
        self.now = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
        self.held = False
        self.waiting: list[tuple[Any, ...]] = []
        lake = folder / "lake"
        lay_down(lake)
        options = {"unlimited": True, "containers": str(lake)} | options
        self.lake = lake
        self.app = create_app(EmulatorOptions(folder / "state", KEYS, now=lambda: self.now, **options))
        self.service = self.app.state.emulator.service
        self.clients = [TestClient(self.app, headers={"Ocp-Apim-Subscription-Key": key}) for key in KEYS]
        work.prepare(folder / "state" / "bundles")
        monkeypatch.setattr(self.service, "_perform", lambda task, seconds: work.perform(task))
        monkeypatch.setattr(self.service._threads, "submit", self._submit)

    def _submit(self, *called: Any) -> None:
        if self.held:
            self.waiting.append(called)
        else:
            called[0](*called[1:])

    def release(self) -> None:
        """Do what was held."""
        self.held = False
        for called in self.waiting:
            called[0](*called[1:])
        self.waiting.clear()

    def pass_time(self, **how: int) -> None:
        self.now += timedelta(**how)


@contextmanager
def living(folder: Path, monkeypatch: pytest.MonkeyPatch, **options: Any) -> Iterator[TextHouse]:
    house = TextHouse(folder, monkeypatch, **options)
    try:
        yield house
    finally:
        house.service.close()


def labels_of(file: Mapping[str, Any]) -> bytes:
    """The labels of a project file as they lie in a container."""
    return json.dumps(file["assets"]).encode()

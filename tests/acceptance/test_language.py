"""Labels of the Language service in, a model trained, and the same documents scored by the cloud path and by
the local one: the same rows. And killed between submit and result: nothing is paid twice."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, cast

import pytest
from sqlalchemy import select

from pipeline.db import tables
from pipeline.demo.lake import CONTAINER
from tests.azure.azurite import AzuriteMissingError
from tests.azure.lake import upload
from tests.azure.rehearsal import Cloud, Side, cloud, embedded
from tests.unit.emulator.texts import SMILE, file_of_letters, file_of_notes, letters, notes

pytestmark = pytest.mark.xdist_group("language")

BACKLOG = 30
JOB_SECONDS = 6.0
SETTINGS = (
    "poll_seconds = 0.1\nservice_rates = { language = { manage = 50, list = 50, analyze = 50, get = 50 } }\n"
)
LETTERS = {"form_type": "letters", "model_kind": "entities"}
NOTES = {"form_type": "notes", "model_kind": "classes"}
SUBJECTS = {"form_type": "subjects", "model_kind": "classes"}


def subjects(count: int = 40) -> list[tuple[str, str, list[str]]]:
    """Notes, every third on both topics."""
    found = []
    for number, (name, text, classes) in enumerate(some := notes(count)):
        _, more, others = some[number - 1]
        both = number % 3 == 0
        found.append(
            (f"subjects/{Path(name).name}", f"{text} {more if both else ''}", classes + others * both)
        )
    return found


def file_of_subjects() -> dict[str, Any]:
    file = file_of_notes("CustomMultiLabelClassification")
    file["assets"]["documents"] = [
        {"location": name, "language": "en-us", "classes": [{"category": each} for each in classes]}
        for name, _, classes in subjects()
    ]
    return file


def write_texts(root: Path) -> None:
    """Letters and notes with their project files, and a backlog of each."""
    for kind, texts, file in (
        ("letters", letters(), file_of_letters()),
        ("notes", notes(), file_of_notes()),
        ("subjects", subjects(), file_of_subjects()),
    ):
        training = root / CONTAINER / kind / "training"
        training.mkdir(parents=True)
        for document in file["assets"]["documents"]:
            document["location"] = document["location"].removeprefix(f"{kind}/")
        (training / "labels.json").write_text(json.dumps(file))
        for name, text, _ in texts:
            (training / name.removeprefix(f"{kind}/")).write_text(text, encoding="utf-8")
    write_backlog(root, "first")


def write_backlog(root: Path, batch: str) -> list[str]:
    """New letters, a long one and an empty one among them, and new notes; the paths of the letters."""
    towns = ("Oslo", "Turku", "Bodo", "Odense", "Umea")
    long = f"{SMILE} Letter {batch}. We met in the town of Narvik.\n" + "And had a good time there.\n" * 4700
    texts = [
        f"{SMILE} Letter number {100 + n}.\nWe met in the town of {towns[n % 5]} and had a good time there."
        for n in range(BACKLOG)
    ]
    written = [(f"letters/backlog/{batch}-{n:02}.txt", text) for n, text in enumerate([*texts, long, " \n"])]
    for name, text, _ in notes(6):
        written.append((f"notes/backlog/{batch}-{Path(name).name}", text.replace("Note ", "Later note ")))
    for name, text, _ in subjects(6):
        written.append((f"subjects/backlog/{batch}-{Path(name).name}", text.replace("Note ", "Later note ")))
    for path, text in written:
        file = root / CONTAINER / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return [path for path, _ in written if path.startswith("letters")]


def row(facts: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    name = facts["form_type"]
    return {
        **facts,
        "training_container_name": CONTAINER,
        "training_blob_root_folder": f"{name}/training/",
        "scoring_container_name": CONTAINER,
        "scoring_input_blob_folder": f"{name}/backlog/",
        **more,
    }


def in_the_cloud(facts: Mapping[str, Any], version: str = "2023-04-01", **more: Any) -> dict[str, Any]:
    return row(facts, engine="language", api_version=version, **more)


def answers(side: Side) -> tuple[dict[Any, Any], dict[Any, float]]:
    """What was found, and how sure a classifier is of it."""
    values = side.values()
    sure = {key: float(cast(str, value[0])) for key, value in values.items() if key[2] == "confidence"}
    return {key: value for key, value in values.items() if key not in sure}, sure


def places(side: Side) -> dict[tuple[str, str, int], tuple[int | None, int | None]]:
    """Where in its text each value stands."""
    value, part, document = tables.field_value, tables.part, tables.document
    statement = (
        select(document.c.path, value.c.field, value.c.occurrence, value.c.text_offset, value.c.text_length)
        .join(part, part.c.id == value.c.part_id)
        .join(document, document.c.id == part.c.document_id)
    )
    return {
        (each.path, each.field, each.occurrence): (each.text_offset, each.text_length)
        for each in side.query(statement)
    }


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("lake")
    write_texts(root)
    return root


@pytest.fixture(scope="module")
def at_home(lake: Path, tmp_path_factory: pytest.TempPathFactory) -> Side:
    side = embedded(tmp_path_factory.mktemp("home"), lake, [row(LETTERS), row(NOTES), row(SUBJECTS)])
    assert side.formpipe("run") == 0, side.told
    return side


@pytest.fixture(scope="module")
def abroad(lake: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    rows = [in_the_cloud(LETTERS), in_the_cloud(NOTES), in_the_cloud(SUBJECTS)]
    try:
        with cloud(tmp_path_factory.mktemp("cloud"), lake, rows, settings=SETTINGS) as running:
            assert running.side.formpipe("run") == 0, running.side.told
            yield running
    except AzuriteMissingError as error:
        pytest.skip(str(error))


def test_the_cloud_path_ends_in_the_entities_and_classes_of_the_local_one(
    at_home: Side, abroad: Cloud
) -> None:
    here, sure_here = answers(at_home)
    there, sure_there = answers(abroad.side)
    assert len(here) > BACKLOG
    assert there == here
    assert sure_there == pytest.approx(sure_here, abs=0.01), "the service tells two digits"
    assert places(abroad.side) == places(at_home)
    assert abroad.side.outcomes() == at_home.outcomes()
    assert not abroad.side.imports.exists(), "the pipeline learns nothing itself"


def test_a_model_of_several_classes_gives_all_of_them(at_home: Side, abroad: Cloud) -> None:
    here, _ = answers(at_home)
    there, _ = answers(abroad.side)
    told = {key[1]: str(value[0]) for key, value in there.items() if key[::2] == ("subjects", "classes")}
    assert told == {
        key[1]: str(value[0]) for key, value in here.items() if key[::2] == ("subjects", "classes")
    }
    several = [path for path, classes in told.items() if len(classes.split(", ")) == 2]
    assert set(told) == {f"subjects/backlog/first-{n:02}.txt" for n in range(6)}
    assert several == ["subjects/backlog/first-00.txt", "subjects/backlog/first-03.txt"]


def test_many_texts_go_in_one_request(abroad: Cloud) -> None:
    """32 letters: one is blank and asked of nobody, one is too long for one request, 30 fill two; and notes.
    What is read slowly is not waited for: a few more."""
    accepted = abroad.emulator.status()["accepted"]
    assert accepted["train"] == 3
    assert accepted["analyze"] <= 10


def test_the_second_run_asks_the_service_for_nothing(abroad: Cloud) -> None:
    before = len(abroad.emulator.access())
    assert abroad.side.formpipe("run") == 0
    assert len(abroad.emulator.access()) == before
    assert abroad.side.formpipe("verify") == 0, abroad.side.told[-2:]


def test_what_is_retired_is_told(abroad: Cloud) -> None:
    abroad.side.formpipe("plan")
    told = " ".join(abroad.side.told[-2].split())
    assert "2029-03-31" in told


# --- killed ---------------------------------------------------------------------------------------


def under_way(side: Side) -> tuple[int, int]:
    """Documents that the service has, and pieces of long ones."""
    document, operation = tables.document.c, tables.operation.c
    documents = side.query(select(document.id).where(document.stage == "submitted"))
    open_ones = select(operation.id).where(operation.state == "submitted", operation.subject.like("piece%"))
    return len(documents), len(side.query(open_ones))


def kill_when_waiting(running: Cloud, pieces: int) -> None:
    """Start a run and kill it when everything was sent and nothing has come back."""
    process = running.side.start("run", "-f", "letters")
    until = time.monotonic() + 60
    while under_way(running.side) != (BACKLOG, pieces):
        assert time.monotonic() < until and process.poll() is None
        time.sleep(0.05)
    process.kill()
    process.communicate()


def test_killed_between_submit_and_result_no_text_is_paid_twice(abroad: Cloud, tmp_path: Path) -> None:
    """Requests of short letters, and the two pieces of a long one, are under way at the kill."""
    latency = {"distribution": "fixed", "seconds": JOB_SECONDS}
    abroad.emulator.faults({"action": "job-seconds", "route": "job-analyze", "latency": latency})
    paths = write_backlog(tmp_path, "second")
    upload(tmp_path, abroad.azurite.first, under="letters/backlog")
    before = abroad.emulator.accepted()
    kill_when_waiting(abroad, under_way(abroad.side)[1] + 2)
    paid = abroad.emulator.accepted()
    assert paid - before >= 4
    assert abroad.side.formpipe("run", "-f", "letters") in (0, 1), abroad.side.told
    assert abroad.emulator.accepted() == paid
    outcomes = abroad.side.outcomes()
    assert {outcomes[path] for path in paths} == {"loaded", "partial"}
    assert [outcomes[path] for path in paths].count("partial") == 1, "the blank one"
    assert abroad.side.formpipe("verify") == 0, abroad.side.told[-2:]


# --- other versions -------------------------------------------------------------------------------

OTHERS = {
    "2022-05-01": "letters_2022",
    "2021-11-01-preview": "letters_2021",
    "v1.0-preview.2": "letters_2020",
}


@pytest.mark.long
def test_every_version_ends_in_the_same_entities(at_home: Side, lake: Path, tmp_path: Path) -> None:
    """Previews that are retired still answer where `allow_retired` says that they are asked."""
    here, _ = answers(at_home)
    expected = {key[1:]: value for key, value in here.items() if key[0] == "letters"}
    rows = [
        in_the_cloud(LETTERS, version, allow_retired=True) | {"form_type": name}
        for version, name in OTHERS.items()
    ]
    try:
        with cloud(tmp_path, lake, rows, settings=SETTINGS) as running:
            assert running.side.formpipe("run") == 0, running.side.told
            found = running.side.values()
    except AzuriteMissingError as error:
        pytest.skip(str(error))
    for name in OTHERS.values():
        assert {key[1:]: value for key, value in found.items() if key[0] == name} == expected

"""What persons said of a router's documents is learned from beside its training folder."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.db.text_labels import TextLabel
from pipeline.services import load_services
from pipeline.storage.folder import FolderStorage
from pipeline.training.inspection import inspect
from pipeline.training.labelled_texts import load_texts
from pipeline.training.records import TrainingFolder
from pipeline.types import BlobRef, FormType

ROW = FormType(
    "mail",
    "mail",
    "lake",
    "train/",
    "drop",
    "in/",
    model_kind="classes",
    routes=True,
    include_subfolders=True,
)


@pytest.fixture
def storage(tmp_path: Path) -> FolderStorage:
    storage = FolderStorage(tmp_path)
    (tmp_path / "drop").mkdir()
    (tmp_path / "lake").mkdir()
    for number in range(3):
        storage.write("lake", f"train/invoice/{number}.txt", f"Invoice {number}: please pay".encode())
        storage.write("lake", f"train/letter/{number}.txt", f"Dear {number}, how are you".encode())
    storage.write("drop", "in/new.txt", b"We ask you to pay this")
    return storage


def label(storage: FolderStorage, category: str, path: str = "in/new.txt") -> TextLabel:
    etag = next(blob.etag for blob in storage.list("drop") if blob.path == path)
    return TextLabel(BlobRef("", "drop", path, etag), category)


def looked(storage: FolderStorage, *labels: TextLabel) -> TrainingFolder:
    return inspect(storage, ROW, load_services()["local"], (ROW,), labels)


def classes(storage: FolderStorage, folder: TrainingFolder) -> dict[str, tuple[str, ...]]:
    return {text.text: text.classes for text in load_texts(storage, folder, {})}


def test_a_moved_document_is_learned_from_and_changes_the_fingerprint(storage: FolderStorage) -> None:
    before, after = looked(storage), looked(storage, label(storage, "invoice"))
    assert len(after.trained) == len(before.trained) + 1
    assert after.fingerprint != before.fingerprint
    assert classes(storage, after)["We ask you to pay this"] == ("invoice",)
    other = looked(storage, label(storage, "letter"))
    assert other.fingerprint not in (before.fingerprint, after.fingerprint)


def test_a_class_that_the_folder_does_not_know_is_one_more(storage: FolderStorage) -> None:
    folder = looked(storage, label(storage, "receipt"))
    assert folder.project is not None
    assert folder.project.categories == ("invoice", "letter", "receipt")


def test_what_a_person_said_of_a_content_wins_over_the_folder(storage: FolderStorage) -> None:
    storage.write("drop", "in/same.txt", b"Dear 1, how are you")
    folder = looked(storage, label(storage, "invoice", "in/same.txt"))
    assert classes(storage, folder)["Dear 1, how are you"] == ("invoice",)
    assert len(folder.trained) == 6


def test_a_document_that_changed_or_left_since_is_not_learned_from(storage: FolderStorage) -> None:
    before = looked(storage).fingerprint
    said = label(storage, "invoice")
    stale = replace(said, ref=replace(said.ref, etag="other"))
    gone = replace(said, ref=replace(said.ref, path="in/gone.txt"))
    folder = looked(storage, stale, gone)
    assert folder.fingerprint == before
    assert not folder.errors


def test_one_in_another_account_is_told(storage: FolderStorage) -> None:
    said = label(storage, "invoice")
    folder = looked(storage, replace(said, ref=replace(said.ref, account="elsewhere")))
    assert [each.code for each in folder.findings if each.subject == ""] == ["moved-elsewhere"]
    assert json.dumps([each.message for each in folder.findings]).count("1 documents") == 1

"""What only a folder can do wrong."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pipeline.errors import DocumentError
from pipeline.storage.folder import FolderStorage


@pytest.fixture
def storage(tmp_path: Path) -> FolderStorage:
    (tmp_path / "root" / "forms").mkdir(parents=True)
    return FolderStorage(tmp_path / "root")


def test_a_link_out_of_the_container_is_not_followed(storage: FolderStorage, tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("secret")
    (tmp_path / "root" / "forms" / "link.pdf").symlink_to(tmp_path / "secret.txt")
    with pytest.raises(DocumentError) as caught:
        storage.read("forms", "link.pdf")
    assert caught.value.reason == "unsafe-path"


def test_a_linked_folder_is_not_walked(storage: FolderStorage, tmp_path: Path) -> None:
    (tmp_path / "root" / "forms" / "loop").symlink_to(tmp_path / "root" / "forms")
    (tmp_path / "root" / "forms" / "a.pdf").write_bytes(b"a")
    assert [blob.path for blob in storage.list("forms")] == ["a.pdf"]


def test_a_write_that_was_cut_off_is_never_listed(storage: FolderStorage, tmp_path: Path) -> None:
    (tmp_path / "root" / "forms" / ".0011.formpipe-partial").write_bytes(b"half")
    assert list(storage.list("forms")) == []


def test_a_name_that_is_no_unicode_is_listed_and_ends_as_one_document(
    storage: FolderStorage, tmp_path: Path
) -> None:
    name = os.fsencode(tmp_path / "root" / "forms") + b"/caf\xe9.pdf"
    Path(os.fsdecode(name)).write_bytes(b"x")
    (blob,) = storage.list("forms")
    assert blob.path == "caf\\xe9.pdf"
    blob.path.encode()

"""What every storage adapter does, over every adapter."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.errors import AttemptError, DocumentError, RowError
from pipeline.ports import Storage
from pipeline.storage.account import BlobAccount
from pipeline.storage.blob import BlobStorage
from pipeline.storage.folder import FolderStorage
from tests.azure.azurite import Account

NAMES = [
    "a b.pdf",
    "a#1.pdf",
    "a%20b.pdf",
    "a%2e%2e.pdf",
    "ä-ü-日本-😀.pdf",
    "-dash.pdf",
    "quote'\".pdf",
    "x" * 200 + ".pdf",
]


@pytest.fixture(params=["folder", "blob"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Storage:
    if request.param == "blob":
        return emptied(request.getfixturevalue("azurite").first)
    (tmp_path / "forms").mkdir()
    (tmp_path / "other").mkdir()
    return FolderStorage(tmp_path)


def emptied(account: Account) -> Storage:
    for name in ("forms", "other"):
        container = account.container(name)
        for blob in list(container.list_blob_names()):
            container.delete_blob(blob)
    return BlobStorage(lambda fresh: BlobAccount.of(account.connection_string, None), page_size=3)


def paths(storage: Storage, prefix: str = "", *, recursive: bool = True) -> list[str]:
    return [blob.path for blob in storage.list("forms", prefix, recursive=recursive)]


@pytest.mark.parametrize("name", NAMES)
def test_what_is_written_is_listed_and_read(storage: Storage, name: str) -> None:
    storage.write("forms", f"in/{name}", b"content")
    (blob,) = storage.list("forms", "in/")
    assert (blob.path, blob.size) == (f"in/{name}", 7)
    assert storage.read("forms", blob.path, blob.etag) == b"content"


def test_a_prefix_is_a_folder_and_not_the_beginning_of_another(storage: Storage) -> None:
    storage.write("forms", "acme/1.pdf", b"1")
    storage.write("forms", "acme2/2.pdf", b"2")
    assert paths(storage, "acme/") == ["acme/1.pdf"]


def test_subfolders_are_left_out_when_asked(storage: Storage) -> None:
    for path in ("a/1.pdf", "a/b/2.pdf", "3.pdf"):
        storage.write("forms", path, b"x")
    assert paths(storage, "a/", recursive=False) == ["a/1.pdf"]
    assert paths(storage) == ["3.pdf", "a/1.pdf", "a/b/2.pdf"]


def test_a_prefix_without_blobs_lists_nothing(storage: Storage) -> None:
    assert paths(storage, "nothing/") == []


def test_paths_differ_by_case(storage: Storage) -> None:
    storage.write("forms", "A.pdf", b"upper")
    storage.write("forms", "a.pdf", b"lower")
    assert storage.read("forms", "A.pdf") == b"upper"


def test_names_come_in_the_order_of_a_blob_listing(storage: Storage) -> None:
    for path in ("a/z.pdf", "a-b.pdf", "a.pdf", "a0.pdf"):
        storage.write("forms", path, b"x")
    assert paths(storage) == sorted(["a/z.pdf", "a-b.pdf", "a.pdf", "a0.pdf"])


def test_a_missing_container_is_a_fault_of_the_row(storage: Storage) -> None:
    with pytest.raises(RowError) as caught:
        list(storage.list("nowhere"))
    assert caught.value.reason == "container-missing"


def test_a_blob_that_is_gone_ends_its_document(storage: Storage) -> None:
    with pytest.raises(DocumentError) as caught:
        storage.read("forms", "gone.pdf")
    assert caught.value.reason == "blob-gone"


def test_the_etag_changes_with_the_content_and_pins_a_read(storage: Storage) -> None:
    storage.write("forms", "a.pdf", b"old")
    (old,) = storage.list("forms")
    storage.write("forms", "a.pdf", b"newer")
    (new,) = storage.list("forms")
    assert old.etag != new.etag
    with pytest.raises(AttemptError) as caught:
        storage.read("forms", "a.pdf", old.etag)
    assert caught.value.reason == "blob-changed"


def test_an_empty_file_is_a_document(storage: Storage) -> None:
    storage.write("forms", "in/empty.pdf", b"")
    (blob,) = storage.list("forms")
    assert (blob.path, blob.size) == ("in/empty.pdf", 0)
    assert storage.read("forms", blob.path, blob.etag) == b""


def test_what_is_written_again_is_replaced_as_a_whole(storage: Storage) -> None:
    storage.write("forms", "a.json", b"something long")
    storage.write("forms", "a.json", b"short")
    assert storage.read("forms", "a.json") == b"short"


def test_a_listing_is_made_as_it_is_asked_for(storage: Storage) -> None:
    for number in range(5):
        storage.write("forms", f"{number}.pdf", b"x")
    listed = storage.list("forms")
    assert iter(listed) is listed
    assert next(listed).path == "0.pdf"


@pytest.mark.parametrize(
    "path", ["../other/a.pdf", "/etc/hostname", "a/../../other/a.pdf", "a\0b", "a\ud800b"]
)
def test_no_path_leaves_its_container(storage: Storage, path: str) -> None:
    with pytest.raises(DocumentError) as caught:
        storage.write("forms", path, b"x")
    assert caught.value.reason == "unsafe-path"
    with pytest.raises(DocumentError):
        storage.read("forms", path)
    storage.write("other", "a.pdf", b"x")
    with pytest.raises(DocumentError):
        storage.delete("forms", path)
    assert storage.read("other", "a.pdf") == b"x"


def test_what_is_deleted_is_gone_and_its_neighbours_stay(storage: Storage) -> None:
    for path in ("out/a.json", "out/A.json", "out/a.json_output.json"):
        storage.write("forms", path, b"{}")
    storage.delete("forms", "out/a.json")
    assert paths(storage) == ["out/A.json", "out/a.json_output.json"]
    with pytest.raises(DocumentError) as caught:
        storage.read("forms", "out/a.json")
    assert caught.value.reason == "blob-gone"


@pytest.mark.parametrize("path", ["nothing.json", "out", "out/a.json/b.json", "no/folder/a.json"])
def test_what_is_not_there_is_deleted_already(storage: Storage, path: str) -> None:
    storage.write("forms", "out/a.json", b"{}")
    storage.delete("forms", path)
    storage.delete("nowhere", path)
    assert paths(storage) == ["out/a.json"]


@pytest.mark.parametrize("name", NAMES)
def test_any_name_is_deleted(storage: Storage, name: str) -> None:
    storage.write("forms", f"in/{name}", b"content")
    storage.delete("forms", f"in/{name}")
    assert paths(storage) == []


def test_a_path_that_no_blob_can_have_ends_its_document(storage: Storage) -> None:
    for call in (
        lambda: storage.delete("forms", "x" * 1100),
        lambda: storage.write("forms", "x" * 1100, b""),
    ):
        with pytest.raises(DocumentError) as caught:
            call()
        assert caught.value.reason == "unsafe-path"

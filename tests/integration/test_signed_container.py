"""A training set behind a signed URL, listed as the service lists it: a prefix is a string, in its case."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pipeline.emulator.container import SignedContainer
from pipeline.errors import DocumentError, RowError
from tests.azure.azurite import Azurite

NAME = "prefixes"
BLOBS = ("Test.pdf", "Test/a.pdf", "Test/deep/b.pdf", "Test2/c.pdf", "test/d.pdf", "other/e.pdf")


@pytest.fixture(scope="module")
def url(azurite: Azurite) -> Iterator[str]:
    client = azurite.first.container(NAME)
    for blob in BLOBS:
        client.upload_blob(blob, blob.encode())
    yield f"{azurite.first.url}/{NAME}"
    client.delete_container()


@pytest.fixture(scope="module")
def container(url: str, azurite: Azurite) -> SignedContainer:
    return SignedContainer(f"{url}?{azurite.first.container_sas(NAME)}")


@pytest.mark.parametrize(
    ("prefix", "recursive", "found"),
    [
        ("", True, set(BLOBS)),
        ("", False, {"Test.pdf"}),
        ("Test", True, {"Test.pdf", "Test/a.pdf", "Test/deep/b.pdf", "Test2/c.pdf"}),
        ("Test", False, {"Test.pdf", "Test/a.pdf", "Test2/c.pdf"}),
        ("Test/", True, {"Test/a.pdf", "Test/deep/b.pdf"}),
        ("Test/", False, {"Test/a.pdf"}),
        ("TEST", True, set()),
    ],
)
def test_a_prefix_is_a_string(
    container: SignedContainer, prefix: str, recursive: bool, found: set[str]
) -> None:
    assert {blob.path for blob in container.list("", prefix, recursive=recursive)} == found


def test_a_blob_is_read_and_a_missing_one_named(container: SignedContainer) -> None:
    assert container.read("", "Test/a.pdf") == b"Test/a.pdf"
    with pytest.raises(DocumentError) as caught:
        container.read("", "Test/none.pdf")
    assert caught.value.reason == "blob-gone"


@pytest.mark.parametrize("signature", ["", "sv=2020-08-04&sig=wrong"])
def test_a_container_that_may_not_be_listed_is_named_without_its_url(url: str, signature: str) -> None:
    with pytest.raises(RowError) as caught:
        list(SignedContainer(f"{url}?{signature}").list("", "Test"))
    assert caught.value.reason == "container-unreadable"
    assert "http" not in str(caught.value)


def test_what_is_no_url_is_named() -> None:
    with pytest.raises(RowError) as caught:
        SignedContainer("/input/data1")
    assert caught.value.reason == "container-unreadable"

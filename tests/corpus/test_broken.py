"""The corpus itself: complete, repeatable, small, and true to what it says of the sound documents."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pypdfium2 as pdfium
import pytest

from .broken import Broken, cases, write_broken
from .odd_names import cases as odd_names

CASES = list(cases())


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Broken]]:
    folder = tmp_path_factory.mktemp("corpus")
    return folder, write_broken(folder)


def test_everything_that_is_named_is_written_and_nothing_else(corpus: tuple[Path, list[Broken]]) -> None:
    folder, documents = corpus
    on_disk = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert on_disk == {document.name for document in documents}
    assert len(documents) >= 45


def test_names_are_distinct_and_within_what_file_systems_take() -> None:
    names = [document.name for document, _ in CASES]
    assert len(set(names)) == len(names)
    assert all(len(part.encode()) <= 255 for name in names for part in name.split("/"))
    assert max(map(len, names)) >= 200


def test_every_document_says_what_is_wrong_and_how_it_may_end() -> None:
    for document, _ in CASES:
        assert document.wrong
        assert document.outcomes
        assert not document.reasons or "dead" in document.outcomes


def test_the_corpus_is_the_same_each_time() -> None:
    first, second = (
        [(document.name, hashlib.sha256(body).digest()) for document, body in each]
        for each in (CASES, cases())
    )
    assert first == second


def test_it_stays_under_sixty_megabytes(corpus: tuple[Path, list[Broken]]) -> None:
    folder, documents = corpus
    assert sum((folder / document.name).stat().st_size for document in documents) < 60_000_000


def test_documents_that_must_be_loaded_are_sound_invoices() -> None:
    must_load = [body for document, body in odd_names() if document.outcomes == {"loaded"}]
    assert len(must_load) >= 30
    for body in must_load:
        text = pdfium.PdfDocument(body)[0].get_textpage().get_text_bounded()
        assert "Total Due" in text


def test_only_the_twins_are_equal() -> None:
    digests: dict[bytes, list[str]] = {}
    for document, body in CASES:
        if body and "invoice" not in document.wrong:
            digests.setdefault(hashlib.sha256(body).digest(), []).append(document.name)
    equal = sorted(sorted(names) for names in digests.values() if len(names) > 1)
    assert equal == [["animation.gif", "gif_named.jpg"], ["twin_one.pdf", "twin_two.pdf"]]


def test_the_locked_file_needs_its_password() -> None:
    bodies = {document.name: body for document, body in CASES}
    with pytest.raises(pdfium.PdfiumError):
        pdfium.PdfDocument(bodies["password_needed.pdf"])
    assert len(pdfium.PdfDocument(bodies["password_needed.pdf"], password="secret")) == 1


def test_the_long_file_has_ten_thousand_pages_and_is_small() -> None:
    body = next(body for document, body in CASES if document.name == "ten_thousand_pages.pdf")
    assert len(pdfium.PdfDocument(body)) == 10_000
    assert len(body) < 2_000_000

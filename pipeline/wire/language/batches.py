"""Texts in requests of the size that the Language service takes (CONTRACTS 4.6)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pipeline.texts import TextDocument

DOCUMENTS = 25
CHARACTERS = 125_000
"""Of all documents of a request. The service counts text elements; there are never more of those than of
UTF-16 units, which are counted here."""


def batches(documents: Iterable[TextDocument]) -> Iterator[tuple[TextDocument, ...]]:
    """Requests in the order of the documents, each as full as the limits allow. Ids are unique within a
    request. A text that is longer than the limit alone gets a request of its own, which the service refuses:
    long texts are cut before."""
    batch: list[TextDocument] = []
    size = 0
    for document in documents:
        more = characters(document.text)
        taken = any(one.id == document.id for one in batch)
        if batch and (len(batch) == DOCUMENTS or size + more > CHARACTERS or taken):
            yield tuple(batch)
            batch, size = [], 0
        batch.append(document)
        size += more
    if batch:
        yield tuple(batch)


def characters(text: str) -> int:
    """UTF-16 units."""
    return len(text) + sum(character > "\uffff" for character in text)

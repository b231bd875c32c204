"""What a pricing tier leaves out of a training set, before its layouts are paid for. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pipeline.services import Service, Tier
from pipeline.training.records import TrainingDocument, TrainingFolder
from pipeline.types import Finding

_NAMED = 3


def tier_notes(folder: TrainingFolder, service: Service, tier: str) -> Iterator[Finding]:
    """Training forms that are larger or longer than the tier reads; nothing for what has no tiers."""
    limits = service.tiers.get(tier)
    if limits is None:
        return
    where = f"{folder.container}/{folder.prefix}"
    yield from _too_large(folder.trained, where, limits)
    if folder.use_labels:
        yield from _too_long(folder.trained, where, limits)


def _too_large(forms: Sequence[TrainingDocument], where: str, limits: Tier) -> Iterator[Finding]:
    large = [form for form in forms if form.size > limits.document_mb * 2**20]
    if large:
        message = (
            f"{_names(large)}: larger than the {limits.document_mb} MB that the tier {limits.name} takes: "
            "make the files smaller, or leave them out."
        )
        yield Finding("warning", "forms-over-tier-size", where, message)


def _too_long(forms: Sequence[TrainingDocument], where: str, limits: Tier) -> Iterator[Finding]:
    """Pages are known by the layouts that are there, and by the labels."""
    long = [form for form in forms if _pages(form) > limits.document_pages]
    if long:
        message = (
            f"{_names(long)}: the tier {limits.name} reads the first {limits.document_pages} pages, labels "
            "on later ones teach nothing: leave these forms out, or take a paid tier."
        )
        yield Finding("warning", "forms-over-tier-pages", where, message)


def _pages(form: TrainingDocument) -> int:
    labelled = (region.page for label in form.labels or () for region in label.regions)
    return max(form.pages or 1, *labelled, 1)


def _names(forms: Sequence[TrainingDocument]) -> str:
    more = f" and {len(forms) - _NAMED} more" if len(forms) > _NAMED else ""
    return ", ".join(form.path for form in forms[:_NAMED]) + more

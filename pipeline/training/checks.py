"""What is wrong with a training set, from the facts about its documents. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from pipeline.services import Service
from pipeline.training.collection import Collected
from pipeline.training.listing import LABELS, Listing
from pipeline.training.records import TrainingDocument
from pipeline.training.schema import Schema
from pipeline.types import Finding

ADVISED_FORMS = 5
"""Fewer forms than this teach little; the cloud services refuse them (Learn, "Build a custom model")."""

_NAMED = 3
_NO_LABELS = (
    "none of its documents has readable labels. Label them in Form Recognizer's labelling tool, or set "
    "use_label_file to 0 to find key-value pairs without labels."
)


def select_trained(documents: Sequence[TrainingDocument], use_labels: bool) -> tuple[TrainingDocument, ...]:
    """The documents that are learned from: the first of each content, labelled where labels are used."""
    chosen: dict[str, TrainingDocument] = {}
    for document in documents:
        if document.layout != "unreadable" and (document.labelled or not use_labels):
            chosen.setdefault(document.digest, document)
    return tuple(chosen.values())


def check_names(listing: Listing, use_labels: bool) -> Iterator[Finding]:
    """Label and layout files without a document, and files that no one meant to be there."""
    missing = "There is no document of this name: upload it, or delete what belongs to it."
    labelled = {path for path, _ in listing.orphan_labels} if use_labels else set()
    for _, blob in listing.orphan_labels if use_labels else ():
        yield _warning("labels-without-document", blob.path, missing)
    for path, blob in listing.orphan_layouts:
        if path not in labelled:
            yield _warning("layout-without-document", blob.path, missing)
    if listing.system:
        names = _few([blob.path for blob in listing.system])
        yield _warning("system-files", names, "Files that a system left behind are ignored.")


def check_set(
    collected: Collected, trained: Sequence[TrainingDocument], schema: Schema, folder: str, service: Service
) -> Iterator[Finding]:
    """Everything that is told by the documents together. `folder` names the set to a person."""
    use_labels = any(document.labels is not None for document in collected.documents)
    yield from _check_size(collected.documents, trained, folder, service)
    yield from _check_duplicates(collected.documents, trained, paid(service))
    yield from _check_layout_versions(collected.documents, folder)
    yield from _check_layout_family(trained, service)
    if use_labels:
        yield from _check_unlabelled(collected, trained, folder)
        yield from _check_fields(trained, schema, folder)


def paid(service: Service) -> bool:
    """Whether training costs money: then a doubt is an error, not a warning."""
    return service.engine != "local"


def _warning(code: str, subject: str, message: str) -> Finding:
    return Finding("warning", code, subject, message)


def _check_size(
    documents: Sequence[TrainingDocument], trained: Sequence[TrainingDocument], folder: str, service: Service
) -> Iterator[Finding]:
    count = len(trained)
    if not count:
        why = _NO_LABELS if documents else "it holds no document."
        yield Finding("error", "nothing-to-train-on", folder, f"Nothing to train on: {why}")
    elif count < service.minimum_labelled_forms:
        needs = service.minimum_labelled_forms
        message = f"{_forms(count)} to learn from, {service.engine} needs {needs}: add {needs - count} more."
        yield Finding("error", "too-few-forms", folder, message)
    elif count < ADVISED_FORMS:
        message = f"Only {_forms(count)} to learn from: {ADVISED_FORMS} or more are advised."
        yield _warning("few-forms", folder, message)
    yield from _check_limits(trained, folder, service)


def _check_limits(trained: Sequence[TrainingDocument], folder: str, service: Service) -> Iterator[Finding]:
    """More than any tier of the service trains on: every form has at least a page."""
    tiers = service.tiers.values()
    most_mb = max((tier.training_mb for tier in tiers), default=None)
    most_pages = max((tier.training_pages for tier in tiers), default=None)
    megabytes = sum(document.size for document in trained) / 2**20
    if most_mb is not None and megabytes > most_mb:
        message = f"The set has {megabytes:.0f} MB, {service.engine} trains on {most_mb}: leave forms out."
        yield Finding("error", "training-set-too-large", folder, message)
    if most_pages is not None and len(trained) > most_pages:
        count = f"{_forms(len(trained))}, {service.engine} trains on {most_pages} pages"
        message = f"The set has {count}: leave some out."
        yield Finding("error", "training-set-too-large", folder, message)


def _check_duplicates(
    documents: Sequence[TrainingDocument], trained: Sequence[TrainingDocument], strict: bool
) -> Iterator[Finding]:
    kept = {document.digest: document for document in trained}
    for document in documents:
        first = kept.get(document.digest)
        if first is None or first.path == document.path:
            continue
        if document.labelled and document.label_digest != first.label_digest:
            message = f"Same content as {first.path}, but other labels; only those of {first.path} are used."
            yield Finding("error" if strict else "warning", "labels-contradict", document.path, message)
        else:
            message = f"Same content as {first.path}: it is used once."
            yield _warning("duplicate-form", document.path, message)


def _check_layout_versions(documents: Sequence[TrainingDocument], folder: str) -> Iterator[Finding]:
    versions = Counter(document.layout_version for document in documents if document.layout == "given")
    if len(versions) > 1:
        counts = ", ".join(f"{count} of {version or 'none'}" for version, count in sorted(versions.items()))
        message = f"The .ocr.json files are of different versions ({counts}): have them made by one."
        yield _warning("layout-versions-differ", folder, message)


def _check_layout_family(trained: Sequence[TrainingDocument], service: Service) -> Iterator[Finding]:
    """A service trains from layouts of its own versions; ours are made again, a person's are not touched."""
    if not paid(service) or not service.layout_versions:
        return
    for document in trained:
        if document.layout == "given" and not document.layout_version.startswith(service.layout_versions):
            message = (
                f"This layout is of version {document.layout_version or 'none'}, which {service.engine} does "
                "not train from: delete it to have it made."
            )
            yield Finding("error", "layout-of-other-service", document.layout_path, message)


def _check_unlabelled(
    collected: Collected, trained: Sequence[TrainingDocument], folder: str
) -> Iterator[Finding]:
    """Forms without labels, but for those that another finding has told of."""
    spoilt = {f.subject.removesuffix(LABELS) for f in collected.findings if f.code == "labels-unreadable"}
    used = {form.digest for form in trained}
    unlabelled = [
        form.path
        for form in collected.documents
        if not form.labelled and form.digest not in used and form.path not in spoilt
    ]
    if unlabelled:
        message = f"{_forms(len(unlabelled))} without labels: nothing is learned from {_few(unlabelled)}."
        yield _warning("forms-without-labels", folder, message)


def _check_fields(trained: Sequence[TrainingDocument], schema: Schema, folder: str) -> Iterator[Finding]:
    uses = _uses(trained)
    yield from _check_unknown(trained, schema, folder)
    for spec in schema.specs:
        if uses[spec.name] == 0:
            yield _warning(
                "field-never-labelled", spec.name, "No form has a value labelled: the model cannot learn it."
            )
        elif uses[spec.name] == 1 and len(trained) > 1:
            yield _warning(
                "field-labelled-once", spec.name, "Labelled in one form only: label it in more of them."
            )


def _check_unknown(trained: Sequence[TrainingDocument], schema: Schema, folder: str) -> Iterator[Finding]:
    if not schema.listed:
        message = "There is no fields.json: every labelled field is learned, as text or as a mark."
        yield _warning("fields-missing", folder, message)
    for name in schema.tables:
        yield _warning("table-field", name, "Table fields are not learned by the local engine.")
    for name, count in _labelled(trained).items():
        if not schema.knows(name) and not schema.is_table_cell(name):
            message = f"Labelled in {_forms(count)} but not in fields.json: it is not learned."
            yield _warning("field-unknown", name, message)


def _uses(trained: Sequence[TrainingDocument]) -> Counter[str]:
    """In how many forms each field has a value."""
    return Counter(
        name for form in trained for name in {label.field for label in form.labels or () if label.text}
    )


def _labelled(trained: Sequence[TrainingDocument]) -> dict[str, int]:
    """In how many forms each field is labelled, with a value or as absent."""
    return dict(Counter(name for form in trained for name in {label.field: 0 for label in form.labels or ()}))


def _forms(count: int) -> str:
    return "1 form" if count == 1 else f"{count} forms"


def _few(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more

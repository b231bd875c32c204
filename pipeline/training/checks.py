"""What is wrong with a training set, from the facts about its documents. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pipeline.services import ApiVersion, Service
from pipeline.training.collection import Collected
from pipeline.training.listing import LABELS, Listing, base_name
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
    collected: Collected, trained: Sequence[TrainingDocument], schema: Schema, folder: str, trainer: Trainer
) -> Iterator[Finding]:
    """Everything that is told by the documents together. `folder` names the set to a person."""
    documents = collected.documents
    use_labels = any(document.labels is not None for document in documents)
    yield from _check_count(documents, trained, folder, trainer, use_labels)
    yield from _check_limits(trainer.reads(documents, trained), folder, trainer.service)
    yield from _check_duplicates(documents, trained, paid(trainer.service))
    yield from _check_layout_versions(documents, folder)
    if use_labels or trainer.version.layouts_always:
        yield from _check_layout_family(trained, folder, trainer)
    if use_labels:
        yield from _check_labels_format(trained, folder, trainer)
        yield from _check_unlabelled(collected, trained, folder, trainer)
        yield from _check_fields(trained, schema, folder, trainer.service)


@dataclass(frozen=True, slots=True)
class Trainer:
    """Who is to train: a service in one of its versions."""

    service: Service
    api_version: str | None

    @property
    def version(self) -> ApiVersion:
        return self.service.version(self.api_version)

    def __str__(self) -> str:
        return " ".join(filter(None, (self.service.engine, self.api_version)))

    def reads(
        self, documents: Sequence[TrainingDocument], trained: Sequence[TrainingDocument]
    ) -> Sequence[TrainingDocument]:
        """What it trains on: a version that can do without labels takes unlabelled forms along."""
        return documents if self.version.unlabelled else trained


def paid(service: Service) -> bool:
    """Whether training costs money: then a doubt is an error, not a warning."""
    return service.engine != "local"


def _warning(code: str, subject: str, message: str) -> Finding:
    return Finding("warning", code, subject, message)


def _check_count(
    documents: Sequence[TrainingDocument],
    trained: Sequence[TrainingDocument],
    folder: str,
    trainer: Trainer,
    use_labels: bool,
) -> Iterator[Finding]:
    count, service = len(trained), trainer.service
    needs = service.minimum_labelled_forms if use_labels else _needed_without_labels(trained, service)
    if not count:
        why = _NO_LABELS if documents else "it holds no document."
        yield Finding("error", "nothing-to-train-on", folder, f"Nothing to train on: {why}")
    elif count < needs:
        message = f"{_forms(count)} to learn from, {service.engine} needs {needs}: add {needs - count} more."
        yield Finding("error", "too-few-forms", folder, message)
    elif count < ADVISED_FORMS and needs == service.minimum_labelled_forms:
        message = f"Only {_forms(count)} to learn from: {ADVISED_FORMS} or more are advised."
        yield _warning("few-forms", folder, message)


def _needed_without_labels(trained: Sequence[TrainingDocument], service: Service) -> int:
    """Beside an empty form, one with `empty` in its name, fewer filled ones are enough."""
    beside = service.minimum_beside_empty_form
    if beside is not None and any("empty" in base_name(form.path).lower() for form in trained):
        return beside + 1
    return service.minimum_labelled_forms


def _check_limits(documents: Sequence[TrainingDocument], folder: str, service: Service) -> Iterator[Finding]:
    """More than any tier of the service trains on. A form whose pages nobody counted has one at least."""
    tiers = service.tiers.values()
    most_mb = max((tier.training_mb for tier in tiers), default=None)
    most_pages = max((tier.training_pages for tier in tiers), default=None)
    megabytes = sum(document.size for document in documents) / 2**20
    pages = sum(document.pages or 1 for document in documents)
    if most_mb is not None and megabytes > most_mb:
        message = f"The set has {megabytes:.1f} MB, {service.engine} trains on {most_mb}: leave forms out."
        yield Finding("error", "training-set-too-large", folder, message)
    if most_pages is not None and pages > most_pages:
        counted = "" if all(document.pages for document in documents) else " at least"
        told = f"{pages} pages{counted}, {service.engine} trains on {most_pages}"
        yield Finding("error", "training-set-too-long", folder, f"The set has {told}: leave forms out.")


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


def _check_layout_family(
    trained: Sequence[TrainingDocument], folder: str, trainer: Trainer
) -> Iterator[Finding]:
    """A version trains from layouts of its own family; ours are made again, a person's are not touched."""
    family = trainer.service.layouts_of(trainer.api_version)
    given = [form for form in trained if form.layout == "given"]
    foreign = [form for form in given if family and not form.layout_version.startswith(family)]
    if not foreign:
        return
    found = ", ".join(sorted({form.layout_version or "none" for form in foreign}))
    message = (
        f"{_forms(len(foreign))} with an .ocr.json of version {found}; {trainer} trains from "
        f"{', '.join(family)}: delete {_few([form.layout_path for form in foreign])} to have them made, "
        "which is paid for by page."
    )
    yield Finding("error", "layout-of-other-service", folder, message)


def _check_labels_format(
    trained: Sequence[TrainingDocument], folder: str, trainer: Trainer
) -> Iterator[Finding]:
    readable = trainer.version.labels
    foreign = [form for form in trained if readable and form.labels_format not in readable]
    if foreign:
        message = (
            f"{_forms(len(foreign))} with label files of {foreign[0].labels_format}, which {trainer} does "
            f"not read: label {_few([form.path for form in foreign])} again with a tool of v2.x."
        )
        yield Finding("error", "labels-of-other-version", folder, message)


def _check_unlabelled(
    collected: Collected, trained: Sequence[TrainingDocument], folder: str, trainer: Trainer
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
        nothing = "no field is" if trainer.version.unlabelled else "nothing is"
        message = f"{_forms(len(unlabelled))} without labels: {nothing} learned from {_few(unlabelled)}."
        yield _warning("forms-without-labels", folder, message)


def _check_fields(
    trained: Sequence[TrainingDocument], schema: Schema, folder: str, service: Service
) -> Iterator[Finding]:
    uses = _uses(trained)
    yield from _check_unknown(trained, schema, folder, service)
    for spec in schema.specs:
        if uses[spec.name] == 0:
            yield _warning(
                "field-never-labelled", spec.name, "No form has a value labelled: the model cannot learn it."
            )
        elif uses[spec.name] == 1 and len(trained) > 1:
            yield _warning(
                "field-labelled-once", spec.name, "Labelled in one form only: label it in more of them."
            )


def _check_unknown(
    trained: Sequence[TrainingDocument], schema: Schema, folder: str, service: Service
) -> Iterator[Finding]:
    if not schema.listed:
        told = (
            f"{service.engine} takes the types of fields from it, and may not train without"
            if paid(service)
            else "every labelled field is learned, as text or as a mark"
        )
        yield _warning("fields-missing", folder, f"There is no fields.json: {told}.")
    for name in schema.tables if not paid(service) else ():
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

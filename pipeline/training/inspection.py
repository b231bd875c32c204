"""Look at a training folder before anything is spent on it."""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.db.text_labels import TextLabel
from pipeline.ports import Storage
from pipeline.services import Service
from pipeline.training.checks import Trainer, check_names, check_set, paid, select_trained
from pipeline.training.collection import Collected, Collector
from pipeline.training.fingerprint import Terms, fingerprint
from pipeline.training.listing import sort_names
from pipeline.training.records import TrainingDocument, TrainingFolder
from pipeline.training.schema import Schema, merge_fields, row_fields
from pipeline.training.text_inspection import inspect_texts
from pipeline.types import FieldSpec, FormType


def inspect(
    storage: Storage,
    form_type: FormType,
    service: Service,
    rows: Sequence[FormType] = (),
    moved: Sequence[TextLabel] = (),
) -> TrainingFolder:
    """The training set of a row as it lies there now: documents, fields, fingerprint and findings.

    `rows` are all rows of its group (itself included), when there are more; the folder is read once for
    them. `moved`: what persons said of documents of a router. Reads every document, for its digest. Raises
    RowError `container-missing`.
    """
    members = tuple(rows) or (form_type,)
    if form_type.model_kind != "form":
        return inspect_texts(storage, form_type, form_type.model_kind, service, members, moved)
    container, prefix = form_type.training_container, form_type.training_folder
    listing = sort_names(
        storage.list(container, prefix, recursive=form_type.include_subfolders or _whole_prefix(form_type)),
        leave_out=[row.evaluation_folder or "" for row in members],
    )
    collector = Collector(storage, container, form_type.use_label_file, paid(service))
    collected = collector.collect(listing)
    trained = select_trained(collected.documents, form_type.use_label_file)
    fields = _fields(form_type, members, collected, trained)
    schema = Schema(fields, collected.tables, collected.listed is not None or bool(row_fields(members)))
    findings = [
        *check_names(listing, form_type.use_label_file),
        *collected.findings,
        *check_set(
            collected, trained, schema, f"{container}/{prefix}", Trainer(service, form_type.api_version)
        ),
    ]
    return TrainingFolder(
        container=container,
        prefix=prefix,
        use_labels=form_type.use_label_file,
        documents=tuple(collected.documents),
        trained=trained,
        fields=fields,
        fingerprint=fingerprint(trained, fields, _terms(form_type, members)),
        findings=tuple(sorted(findings, key=lambda finding: finding.severity)),
    )


def _whole_prefix(form_type: FormType) -> bool:
    """Document Intelligence trains on everything under a prefix, and cannot be told not to."""
    return form_type.engine == "document-intelligence"


def _fields(
    form_type: FormType,
    members: Sequence[FormType],
    collected: Collected,
    trained: Sequence[TrainingDocument],
) -> tuple[FieldSpec, ...]:
    """Table cells are labels too, but no fields of their own."""
    if not form_type.use_label_file:
        return tuple(row_fields(members).values())
    return merge_fields(members, collected.listed, [form.labels or () for form in trained])


def _terms(form_type: FormType, members: Sequence[FormType]) -> Terms:
    return Terms(
        members=tuple(row.form_type for row in members),
        engine=form_type.engine,
        api_version=form_type.api_version,
        model_kind=form_type.model_kind,
        use_labels=form_type.use_label_file,
    )

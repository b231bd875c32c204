"""Look at a training folder of labelled texts (entities, classes) before anything is spent on it."""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.db.text_labels import TextLabel
from pipeline.ports import Storage
from pipeline.services import Service
from pipeline.texts import CLASS, CLASSES, CONFIDENCE, TextKind, TextProject
from pipeline.training.checks import check_names, paid
from pipeline.training.collection import Collector
from pipeline.training.fingerprint import Terms, fingerprint
from pipeline.training.listing import sort_names
from pipeline.training.moved import with_moved
from pipeline.training.records import TrainingDocument, TrainingFolder
from pipeline.training.schema import merge_fields
from pipeline.training.text_checks import check_texts, select_texts
from pipeline.training.text_collection import TextCollector
from pipeline.training.text_projects import Folder
from pipeline.types import FieldSpec, Finding, FormType


def inspect_texts(
    storage: Storage,
    form_type: FormType,
    kind: TextKind,
    service: Service,
    rows: Sequence[FormType],
    moved: Sequence[TextLabel] = (),
) -> TrainingFolder:
    """The training set of a row of texts: its project file, the documents that it names, fields, fingerprint
    and findings. `rows` are all rows of its group; `moved`: what persons said of documents of a router, which
    wins where it is the same content. Reads every document, for its digest.

    Documents are text in UTF-8, or PDFs and images whose text our reader reads. Raises RowError
    `container-missing`.
    """
    container, prefix = form_type.training_container, form_type.training_folder
    listing = sort_names(
        storage.list(container, prefix, recursive=form_type.include_subfolders),
        leave_out=[row.evaluation_folder or "" for row in rows],
    )
    by_folder = kind == "classes" and form_type.include_subfolders
    folder = Folder(storage, container, prefix, listing, by_folder)
    findings = list(check_names(listing, use_labels=False))
    placed = folder.place(kind, findings)
    if placed is None:
        return _inspected(form_type, rows, TextProject(kind, (), ()), (), (), findings)
    collector = TextCollector(Collector(storage, container, False, paid(service)), listing, findings)
    documents, project = tuple(collector.collect(placed)), placed.project
    if moved and kind == "classes":
        project, more = with_moved(storage, project, moved, findings)
        documents = (*more, *documents)
    trained = select_texts(documents, project)
    unnamed, where = folder.documents(placed), f"{container}/{prefix}"
    findings.extend(check_texts(project, documents, trained, unnamed, where, service))
    return _inspected(form_type, rows, project, documents, trained, findings)


def text_fields(project: TextProject) -> tuple[FieldSpec, ...]:
    """What a model of a project finds: an entity of each category, or classes and how sure they are."""
    if project.kind == "entities":
        return tuple(FieldSpec(category) for category in project.categories)
    several = (FieldSpec(CLASSES),) if project.multi_label else ()
    return (FieldSpec(CLASS), FieldSpec(CONFIDENCE, "number"), *several)


def _fields(project: TextProject, rows: Sequence[FormType]) -> tuple[FieldSpec, ...]:
    """With what the rows say of them. A classifier has no other fields than its own."""
    known = text_fields(project)
    names = {spec.name for spec in known}
    merged = merge_fields(rows, known, ())
    return merged if project.kind == "entities" else tuple(spec for spec in merged if spec.name in names)


def _inspected(
    form_type: FormType,
    rows: Sequence[FormType],
    project: TextProject,
    documents: tuple[TrainingDocument, ...],
    trained: tuple[TrainingDocument, ...],
    findings: Sequence[Finding],
) -> TrainingFolder:
    fields = _fields(project, rows)
    terms = Terms(
        members=tuple(row.form_type for row in rows),
        engine=form_type.engine,
        api_version=form_type.api_version,
        model_kind=form_type.model_kind,
        use_labels=True,
    )
    return TrainingFolder(
        container=form_type.training_container,
        prefix=form_type.training_folder,
        use_labels=True,
        documents=documents,
        trained=trained,
        fields=fields,
        fingerprint=fingerprint(trained, fields, terms),
        findings=tuple(sorted(findings, key=lambda finding: finding.severity)),
        project=project,
    )

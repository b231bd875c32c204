"""What the emulator's worker processes do: look at, read and analyze documents, and train, all with the local
engine. Training feeds the engine as a run with `engine = local` does, so that both give the same model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.emulator import text_work
from pipeline.emulator.classifier import Classifier
from pipeline.emulator.container import SignedContainer
from pipeline.emulator.sorting import Sorting, groups
from pipeline.engines.local import LocalEngine
from pipeline.errors import DocumentError, RowError
from pipeline.reading.content import HEAD_LENGTH, content_type
from pipeline.reading.reader import count_pages
from pipeline.remote import Analysis, AnalyzedDocument, ServiceFault, TrainedDocument
from pipeline.services import load_services
from pipeline.training.forms import load_forms
from pipeline.training.inspection import inspect
from pipeline.training.layouts import made_layout_json, read_layout
from pipeline.training.records import TrainingDocument, TrainingFolder
from pipeline.types import ExtractedField, FieldSpec, FormType, Layout, Trained

MOST_PAGES = 2000


@dataclass(frozen=True, slots=True)
class ProbeTask:
    """A document to be looked at before it is taken."""

    file: Path


@dataclass(frozen=True, slots=True)
class Probe:
    content_type: str
    pages: int


@dataclass(frozen=True, slots=True)
class ReadTask:
    """A document to be read, and analyzed with the best fitting of `models` (ids and the names of their
    bytes; none: the layout alone), or sorted by a classifier first. `pages` are those wanted, empty for
    all."""

    file: Path
    models: tuple[tuple[str, str], ...] = ()
    pages: tuple[int, ...] = ()
    most_pages: int = MOST_PAGES
    sorting: Sorting | None = None


@dataclass(frozen=True, slots=True)
class Bounds:
    """How large a training set may be, by its documents in MB and by their pages."""

    mb: int
    pages: int


@dataclass(frozen=True, slots=True)
class TrainTask:
    """A training set behind a signed URL; the model's bytes go into `bundle`. `files`: paths in the container
    where they were listed one by one, else everything under `prefix`. `layouts`: only documents with a layout
    beside them are learned from."""

    url: str = field(repr=False)
    prefix: str
    subfolders: bool
    labels: bool
    bundle: Path
    files: tuple[str, ...] | None = None
    layouts: bool = True
    bounds: Bounds | None = None


@dataclass(frozen=True, slots=True)
class Learned:
    """What a training gave, in a service's terms."""

    fields: tuple[FieldSpec, ...]
    accuracies: tuple[tuple[str, float], ...]
    average: float | None
    documents: tuple[TrainedDocument, ...]
    keys: tuple[str, ...] = ()


_bundles: Path | None = None
_engine: LocalEngine | None = None


def prepare(bundles: Path) -> None:
    """Build this worker's engine, which takes its models from this folder."""
    global _bundles, _engine
    _bundles = bundles
    _engine = LocalEngine(lambda name: (bundles / name).read_bytes())


def stand_by() -> None:
    """Looking at documents takes no engine."""


def look(task: ProbeTask) -> Probe:
    """What the doorman does."""
    return probe(task)


def perform(task: object) -> object:
    """Do one task of any kind."""
    assert _engine is not None, "prepare() comes first"
    if isinstance(task, ProbeTask):
        return probe(task)
    if isinstance(task, ReadTask):
        return analyze(task, _engine)
    if isinstance(task, TrainTask):
        return learn(task, _engine)
    if isinstance(task, text_work.TextTrainTask):
        return text_work.learn(task)
    if isinstance(task, text_work.TextTask):
        assert _bundles is not None
        return text_work.answer(task, _bundles)
    raise TypeError(f"unknown task {type(task).__name__}")


def probe(task: ProbeTask) -> Probe:
    """Raises DocumentError for what cannot be read."""
    content = task.file.read_bytes()
    return Probe(content_type(content[:HEAD_LENGTH]), count_pages(content))


def analyze(task: ReadTask, engine: LocalEngine) -> Analysis:
    """The layout, and the fields of the model that finds most in it."""
    wanted = max(task.pages, default=task.most_pages)
    layout = engine.layout(task.file.read_bytes(), max_pages=min(wanted, task.most_pages))
    if task.pages:
        kept = tuple(page for page in layout.pages if page.number in task.pages)
        layout = Layout(kept, layout.page_count)
    if task.sorting is not None:
        return Analysis(layout, tuple(_sorted(task.sorting, dict(task.models), layout, engine)))
    if not task.models:
        return Analysis(layout)
    model_id, values = best_fit({model: engine.extract(name, layout) for model, name in task.models})
    numbers = [page.number for page in layout.pages] or [1]
    confidence = sum(value.confidence for value in values) / len(values) if values else 0.0
    document = AnalyzedDocument(model_id, min(numbers), max(numbers), values, confidence, model_id)
    return Analysis(layout, (document,), model_id)


def _sorted(
    sorting: Sorting, models: Mapping[str, str], layout: Layout, engine: LocalEngine
) -> Iterator[AnalyzedDocument]:
    """The documents in a file by a classifier; those of a class that has a model are analyzed with it."""
    assert _bundles is not None
    met: Counter[str] = Counter()
    for group in groups(layout, sorting.split, Classifier(_bundles / sorting.classifier).classify):
        part = Layout(tuple(page for page in layout.pages if page.number in group.pages), layout.page_count)
        met[group.kind] += 1
        model_id = sorting.model_of(group, met[group.kind])
        values = engine.extract(models[model_id], part) if model_id else ()
        yield AnalyzedDocument(
            group.kind, group.pages[0], group.pages[-1], values, group.confidence, model_id
        )


def best_fit(
    found: dict[str, tuple[ExtractedField, ...]],
) -> tuple[str, tuple[ExtractedField, ...]]:
    """Of the components of a composed model, the one that is surest of most fields; the first of equals."""
    return max(found.items(), key=lambda item: sum(value.confidence for value in item[1]))


def learn(task: TrainTask, engine: LocalEngine) -> Learned:
    """Train, and leave the model's bytes in `bundle`. Raises RowError (`untrainable`, `no-layouts`,
    `training-set-too-large`, `container-unreadable`)."""
    storage = SignedContainer(task.url)
    row = FormType(
        "emulator", "emulator", "container", task.prefix, "container", "",
        include_subfolders=task.subfolders, use_label_file=task.labels,
    )  # fmt: skip
    folder = inspect(storage, row, load_services()["local"])
    documents = _used(folder, task)
    if not documents:
        reason = "no-layouts" if task.layouts else "untrainable"
        raise RowError("nothing to train on", reason=reason)
    layouts: dict[str, Layout] = {}
    require_within(task.bounds, size=sum(document.size for document in documents))
    told = tuple(_read(document, storage, engine, layouts) for document in documents)
    require_within(task.bounds, pages=sum(document.pages for document in told))
    chosen = _only(folder, documents)
    trained = engine.train(load_forms(storage, chosen, layouts), folder.fields, labels=task.labels)
    assert trained.content is not None
    task.bundle.write_bytes(trained.content)
    return _learned(trained, told, task.labels)


def require_within(bounds: Bounds | None, *, size: int = 0, pages: int = 0) -> None:
    """Raises RowError `training-set-too-large`."""
    if bounds is not None and (size > bounds.mb * 2**20 or pages > bounds.pages):
        message = f"a training set has {bounds.mb} MB and {bounds.pages} pages at most"
        raise RowError(message, reason="training-set-too-large")


def _used(folder: TrainingFolder, task: TrainTask) -> tuple[TrainingDocument, ...]:
    """Those that were listed, and have a layout beside them where one is wanted."""
    listed = None if task.files is None else set(task.files)
    return tuple(
        document
        for document in folder.trained
        if (document.has_layout or not task.layouts) and (listed is None or document.path in listed)
    )


def _only(folder: TrainingFolder, documents: Sequence[TrainingDocument]) -> TrainingFolder:
    return TrainingFolder(
        folder.container, folder.prefix, folder.use_labels, folder.documents, tuple(documents),
        folder.fields, folder.fingerprint,
    )  # fmt: skip


def _read(
    document: TrainingDocument, storage: SignedContainer, engine: LocalEngine, layouts: dict[str, Layout]
) -> TrainedDocument:
    """Read a form as this engine reads every document; through the form in which a run keeps layouts."""
    try:
        layout = engine.layout(storage.read("container", document.path), max_pages=500)
    except DocumentError as error:
        return TrainedDocument(document.path, 0, "failed", (ServiceFault("3001", error.reason),))
    kept = read_layout(made_layout_json(layout, document.digest), document.digest).layout
    if kept is not None:
        layouts[document.path] = kept
    return TrainedDocument(document.path, len(layout.pages))


def _learned(trained: Trained, documents: tuple[TrainedDocument, ...], labels: bool) -> Learned:
    if not labels:
        keys = tuple(spec.name for spec in trained.fields)
        return Learned(trained.fields, (), None, documents, keys)
    measured = {score.field: score.f1 for score in trained.evaluation.fields}
    accuracies = tuple((spec.name, measured.get(spec.name, 0.0)) for spec in trained.fields)
    average = sum(value for _, value in accuracies) / len(accuracies) if accuracies else None
    return Learned(trained.fields, accuracies, average, documents)

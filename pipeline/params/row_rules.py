"""Rules about a single row. Each names the columns it needs and is left out where one is unreadable."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from pipeline.db.tables import metadata
from pipeline.params.columns import ALLOWED, FILE_TYPES
from pipeline.params.release import Release
from pipeline.params.row import Complaint, ParameterRow, Reading, did_you_mean
from pipeline.services import ApiVersion
from pipeline.values.locales import is_locale

Rule = Callable[[ParameterRow, Release], Iterator[Complaint]]

_TEXT_TYPES = ("text/plain",)


def complaints_of(reading: Reading[ParameterRow], release: Release) -> tuple[Complaint, ...]:
    """Everything wrong with one row by itself, unreadable cells included."""
    found = list(reading.complaints)
    for columns, rule in _RULES:
        if not reading.faulty.intersection(columns):
            found.extend(rule(reading.row, release))
    return tuple(found)


def _key(row: ParameterRow, _: Release) -> Iterator[Complaint]:
    if not row.form_type:
        yield Complaint("form_type", ALLOWED["form_type"], "give the row a key")


def _containers(column: str) -> Rule:
    def rule(row: ParameterRow, _: Release) -> Iterator[Complaint]:
        if not getattr(row, column):
            yield Complaint(column, ALLOWED[column], "name the container the forms lie in")

    return rule


def _engine(row: ParameterRow, release: Release) -> Iterator[Complaint]:
    if row.engine not in release.services:
        hint = did_you_mean(row.engine, tuple(release.services))
        yield Complaint("engine", ", ".join(release.services), hint or "write 'local'")
    elif row.engine not in release.engines and row.enabled:
        remedy = f"this release cannot run {row.engine}: the row can stay, with enabled = 0 until one can"
        yield Complaint("engine", ", ".join(release.engines), remedy)


def _api_version(row: ParameterRow, release: Release) -> Iterator[Complaint]:
    service = release.services.get(row.engine)
    if service is None or row.engine not in release.engines:
        return
    if not service.versions:
        if row.api_version:
            yield Complaint("api_version", f"empty for {row.engine}", "empty the cell")
        return
    version = release.version(row.engine, row.api_version)
    current = [name for name, known in service.versions.items() if not known.retired(release.today)]
    if version is None:
        hint = did_you_mean(row.api_version, tuple(service.versions)) if row.api_version else None
        newest = current[-1] if current else list(service.versions)[-1]
        yield Complaint("api_version", ", ".join(service.versions), hint or f"write {newest!r}")
    elif version.retired(release.today) and not row.allow_retired:
        remedy = (
            f"retired on {version.retires}: take one of these, or set allow_retired if yours still answers"
        )
        yield Complaint("api_version", ", ".join(current), remedy)


def _model_kind(row: ParameterRow, release: Release) -> Iterator[Complaint]:
    if row.engine not in release.services or row.engine not in release.engines:
        return
    kinds = release.model_kinds(row.engine, row.api_version)
    if row.model_kind not in kinds:
        able = [name for name, service in release.services.items() if row.model_kind in service.model_kinds]
        version = release.version(row.engine, row.api_version)
        name = f"{row.engine} {version.name}" if version else row.engine
        yield Complaint(
            "model_kind",
            f"{', '.join(kinds)} ({name})",
            f"{row.model_kind} is made by {' and '.join(able)}: change the kind or the engine",
        )


def _kind_in_release(row: ParameterRow, release: Release) -> Iterator[Complaint]:
    able = row.engine in release.engines and row.model_kind in release.model_kinds(
        row.engine, row.api_version
    )
    if row.enabled and able and not release.runs(row.engine, row.api_version, row.model_kind):
        kinds = release.model_kinds(row.engine, row.api_version)
        run = [kind for kind in kinds if release.runs(row.engine, row.api_version, kind)]
        remedy = f"this release cannot run {row.model_kind}: the row can stay, with enabled = 0 until one can"
        yield Complaint("model_kind", ", ".join(run), remedy)


def _labels_needed(row: ParameterRow, release: Release) -> Iterator[Complaint]:
    version = release.version(row.engine, row.api_version)
    if version is None or version.unlabelled or row.model_kind != "form" or row.use_label_file:
        return
    able = list(_versions_that(release, lambda other: other.unlabelled))
    otherwise = f", or take {able[-1]}, which trains without labels" if able else ""
    yield Complaint("use_label_file", f"1 for {row.engine} {version.name}", f"label the forms{otherwise}")


def _versions_that(release: Release, able: Callable[[ApiVersion], bool]) -> Iterator[str]:
    """Engine and version of those that a run can use today."""
    for engine in release.engines:
        service = release.services.get(engine)
        for version in service.versions.values() if service else ():
            if able(version) and not version.retired(release.today):
                yield f"{engine} {version.name}"


def _routes(row: ParameterRow, _: Release) -> Iterator[Complaint]:
    if row.routes and row.model_kind != "classes":
        yield Complaint(
            "routes", "true only where model_kind is classes", "empty it, or set model_kind to classes"
        )
    elif row.routes and row.split == "per_page" and row.engine != "local":
        remedy = "only a local router tells pages apart: set split to none, or engine to local"
        yield Complaint("split", f"none for a router of {row.engine}", remedy)


def _file_type(row: ParameterRow, _: Release) -> Iterator[Complaint]:
    allowed = FILE_TYPES if row.model_kind == "form" else FILE_TYPES + _TEXT_TYPES
    if row.file_type and row.file_type not in allowed:
        hint = did_you_mean(row.file_type, allowed, 0.85)
        yield Complaint("file_type", ", ".join(allowed), hint or "empty the cell: the content decides")


def _file_type_of_version(row: ParameterRow, release: Release) -> Iterator[Complaint]:
    """What the program knows and this version does not."""
    version = release.version(row.engine, row.api_version)
    read = version.file_types if version else ()
    if version and read and row.file_type in FILE_TYPES and row.file_type not in read:
        remedy = f"{row.engine} {version.name} does not read it: take a later api_version"
        yield Complaint("file_type", ", ".join(read), remedy)


def _locale(row: ParameterRow, _: Release) -> Iterator[Complaint]:
    if row.locale and not is_locale(row.locale):
        yield Complaint("locale", ALLOWED["locale"], "write language-COUNTRY, like en-US, or empty the cell")


def _sinks(row: ParameterRow, release: Release) -> Iterator[Complaint]:
    for sink in row.sinks:
        if sink not in release.sinks:
            hint = did_you_mean(sink, release.sinks)
            yield Complaint("sinks", ", ".join(release.sinks), hint or f"remove {sink!r}")


def _target_table(row: ParameterRow, _: Release) -> Iterator[Complaint]:
    if row.target_table and row.target_table.split(".")[-1].lower() in metadata.tables:
        yield Complaint("target_table", "not a table of formpipe itself", "choose another name")


def _backlog_apart(row: ParameterRow, _: Release) -> Iterator[Complaint]:
    if _one_container(row) and _overlap(row.training_blob_root_folder, row.scoring_input_blob_folder):
        yield Complaint(
            "scoring_input_blob_folder",
            f"a folder apart from the training folder {_name(row.training_blob_root_folder)}",
            "move backlog and training forms into two folders, neither inside the other",
        )


def _output_not_read(row: ParameterRow, _: Release) -> Iterator[Complaint]:
    output = row.scoring_output_blob_folder
    if output is not None and output.startswith(row.scoring_input_blob_folder):
        yield Complaint(
            "scoring_output_blob_folder",
            f"a folder outside the backlog {_name(row.scoring_input_blob_folder)}",
            "outputs would be read again: give them a folder of their own beside the backlog",
        )


def _output_not_learned(row: ParameterRow, _: Release) -> Iterator[Complaint]:
    output = row.scoring_output_blob_folder
    if output is not None and _one_container(row) and output.startswith(row.training_blob_root_folder):
        yield Complaint(
            "scoring_output_blob_folder",
            f"a folder outside the training folder {_name(row.training_blob_root_folder)}",
            "outputs would be taken for training forms: give them a folder of their own",
        )


def _evaluation_apart(row: ParameterRow, _: Release) -> Iterator[Complaint]:
    evaluation, training = row.evaluation_blob_folder, row.training_blob_root_folder
    if evaluation is None:
        return
    inside = evaluation.startswith(training) and row.include_subfolders
    if evaluation == training or inside or training.startswith(evaluation):
        yield Complaint(
            "evaluation_blob_folder",
            f"a folder apart from the training folder {_name(training)}",
            "a model is not judged by forms it was trained on: move them into a folder of their own",
        )


def _one_container(row: ParameterRow) -> bool:
    """Whether training forms and backlog lie in the same container of the same account."""
    training = (row.training_storage_account_secret, row.training_container_name)
    scoring = (row.scoring_storage_account_secret, row.scoring_container_name)
    return training == scoring and bool(row.training_container_name)


def _overlap(one: str, other: str) -> bool:
    return one.startswith(other) or other.startswith(one)


def _name(folder: str) -> str:
    return repr(folder) if folder else "(the whole container)"


_ACCOUNTS = ("training_storage_account_secret", "scoring_storage_account_secret")
_CONTAINERS = ("training_container_name", "scoring_container_name")
_FOLDERS = ("training_blob_root_folder", "scoring_input_blob_folder")

_RULES: tuple[tuple[tuple[str, ...], Rule], ...] = (
    (("form_type",), _key),
    (("engine", "enabled"), _engine),
    (("engine", "api_version", "allow_retired"), _api_version),
    (("engine", "api_version", "model_kind"), _model_kind),
    (("engine", "enabled", "model_kind"), _kind_in_release),
    (("engine", "api_version", "model_kind", "use_label_file"), _labels_needed),
    (("engine", "api_version", "file_type"), _file_type_of_version),
    (("engine", "model_kind", "routes", "split"), _routes),
    (("training_container_name",), _containers("training_container_name")),
    (("scoring_container_name",), _containers("scoring_container_name")),
    ((*_ACCOUNTS, *_CONTAINERS, *_FOLDERS), _backlog_apart),
    (("scoring_input_blob_folder", "scoring_output_blob_folder"), _output_not_read),
    (
        (*_ACCOUNTS, *_CONTAINERS, "training_blob_root_folder", "scoring_output_blob_folder"),
        _output_not_learned,
    ),
    (("training_blob_root_folder", "include_subfolders", "evaluation_blob_folder"), _evaluation_apart),
    (("model_kind", "file_type"), _file_type),
    (("locale",), _locale),
    (("sinks",), _sinks),
    (("target_table",), _target_table),
)

"""The bodies of what a client asks of the Language service's authoring, read as the service reads them, and
refused by name (CONTRACTS 4.1, 4.2, 4.4)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from pipeline.wire.language.records import EvaluationOptions, Project, TrainingAsked
from pipeline.wire.language.server_refusals import malformed, wrong
from pipeline.wire.language.versions import Version, kind_named

Json = Mapping[str, Any]

_NAME = re.compile(r"(?!\.+$)[A-Za-z0-9_.-]{1,50}")


def read_object(body: object) -> Json:
    """Raises BadRequestError for a body that is no JSON object."""
    if not isinstance(body, Mapping):
        raise malformed("it is not a JSON object")
    return body


def require_name(value: object, what: str) -> str:
    """A name that a caller may choose. Raises BadRequestError."""
    if not isinstance(value, str) or not _NAME.fullmatch(value):
        raise wrong(what, "1 to 50 letters, digits, '_', '.' and '-'")
    return value


def read_project(version: Version, body: object, name: str = "") -> Project:
    """A project as it is made; `name`: that of the path, which the body must not contradict. Raises
    BadRequestError."""
    told = read_object(body)
    member = "projectName" if version.general else "name"
    stated = require_name(told.get(member) or name, member)
    if name and stated != name:
        raise wrong(member, "it is not the project of the path")
    kind = kind_named(told.get("projectKind" if version.general else "modelType"))
    if kind is None:
        raise wrong("projectKind" if version.general else "modelType")
    container = told.get("storageInputContainerName")
    if not isinstance(container, str) or not container:
        raise wrong("storageInputContainerName")
    settings = told.get("settings")
    return Project(
        stated,
        kind,
        container,
        language=str(told.get("language") or told.get("culture") or "en-us"),
        multilingual=(told.get("multilingual") or told.get("multiLingual")) is True,
        description=str(told.get("description") or ""),
        labels=str(told.get("labelsLocation") or ""),
        settings=settings if isinstance(settings, Mapping) else {},
    )


def read_import(version: Version, body: object, name: str) -> tuple[Project, Json]:
    """The project that a project file makes, and the file. Raises BadRequestError."""
    told = read_object(body)
    metadata = told.get("metadata")
    if not isinstance(metadata, Mapping):
        raise malformed("metadata is missing")
    if not isinstance(told.get("assets"), Mapping):
        raise malformed("assets is missing")
    if version.general and "projectFileVersion" not in told:
        raise malformed("projectFileVersion is missing")
    return read_project(version, metadata, name), told


def read_training(version: Version, body: object) -> TrainingAsked:
    """Raises BadRequestError."""
    told = read_object(body)
    if version.family == "tasks":
        return TrainingAsked(_label(_only_task(told), "trainingModelName"))
    if version.family == "jobs":
        return TrainingAsked(_label(told, "modelLabel"))
    config = told.get("trainingConfigVersion")
    if not isinstance(config, str) or not config:
        raise wrong("trainingConfigVersion")
    return TrainingAsked(_label(told, "modelLabel"), _options(told.get("evaluationOptions")), config)


def read_deployment(version: Version, body: object) -> str:
    """The label of the model that is deployed, or published. Raises BadRequestError."""
    told = read_object(body)
    if version.family == "tasks":
        return _label(_only_task(told), "trainingModelName")
    return _label(told, "trainedModelLabel")


def read_swap(body: object) -> tuple[str, str]:
    """Raises BadRequestError."""
    told = read_object(body)
    return _label(told, "firstDeploymentName"), _label(told, "secondDeploymentName")


def _label(told: Json, member: str) -> str:
    return require_name(told.get(member), member)


def _only_task(told: Json) -> Json:
    tasks = told.get("tasks")
    if not isinstance(tasks, list) or len(tasks) != 1 or not isinstance(tasks[0], Mapping):
        raise malformed("tasks is a list of one task")
    task: Json = tasks[0]
    return task


def _options(told: object) -> EvaluationOptions:
    if told is None:
        return EvaluationOptions()
    options = read_object(told)
    kind = str(options.get("kind", "percentage")).lower()
    if kind not in ("percentage", "manual"):
        raise wrong("evaluationOptions.kind")
    if kind == "manual":
        return EvaluationOptions(manual=True)
    training = _share(options, "trainingSplitPercentage", 80)
    testing = _share(options, "testingSplitPercentage", 20)
    if training + testing != 100:
        raise wrong("evaluationOptions", "the two parts are 100 together")
    return EvaluationOptions(training=training, testing=testing)


def _share(options: Json, member: str, default: int) -> int:
    value = options.get(member, default)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 100:
        raise wrong(f"evaluationOptions.{member}")
    return value

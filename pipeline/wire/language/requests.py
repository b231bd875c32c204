"""What a client asks of the Language service, as values: projects, training, deployments, texts. Paths are
relative to the endpoint.

Operation classes and what they are counted as (CONTRACTS 4.6): `manage` is an authoring request that changes
something (10 a minute), `list` one that reads (100), `analyze` and `get` prediction (1000 together).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import quote, urlsplit

from pipeline.texts import ProjectKind, TextDocument
from pipeline.wire.language.records import EvaluationOptions, Project
from pipeline.wire.language.versions import FIRST, MODEL_TYPES, PROJECT_KINDS, Version

Json = dict[str, Any]
OperationClass = Literal["analyze", "get", "manage", "list"]

MERGE_PATCH = "application/merge-patch+json"
_UNITS = "UnicodeCodePoint"


@dataclass(frozen=True, slots=True)
class Call:
    """One request. `json` holds texts or labels and is never shown."""

    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
    path: str
    operation_class: OperationClass
    params: Mapping[str, str] = field(default_factory=dict)
    json: Json | None = field(default=None, repr=False)
    content_type: str = "application/json"


# --- projects ---------------------------------------------------------------------------------------


def create_project(version: Version, project: Project) -> Call:
    """Make a project or change it. Before 2022-05-01 that was a POST, with the labels' place in it."""
    if version.general:
        body = _project(project)
        return Call("PATCH", _path(version, project.name), "manage", version.params, body, MERGE_PATCH)
    body = {
        "name": project.name,
        "modelType": MODEL_TYPES[project.kind],
        "multiLingual": project.multilingual,
        "description": project.description,
        "culture": project.language or "en-US",
        "storageInputContainerName": project.container,
        "labelsLocation": project.labels,
    }
    return Call("POST", f"{FIRST.authoring}/projects", "manage", FIRST.params, body)


def import_project(version: Version, project: str, file: Mapping[str, Any]) -> Call:
    """`file`: the project file in the version's own shape. The name in it is made that of the project."""
    metadata = dict(file.get("metadata") or {})
    metadata["projectName" if version.general else "name"] = project
    body = dict(file) | {"metadata": metadata}
    return _authoring("POST", version, _path(version, project, ":import"), body)


def get_project(version: Version, project: str) -> Call:
    return _authoring("GET", version, _path(version, project))


def list_projects(version: Version) -> Call:
    return _authoring("GET", version, f"{version.authoring}/projects")


def delete_project(version: Version, project: str) -> Call:
    spoken = version if version.general else FIRST
    return _authoring("DELETE", spoken, _path(spoken, project))


def _project(project: Project) -> Json:
    body: Json = {
        "projectName": project.name,
        "language": project.language or "en-us",
        "projectKind": PROJECT_KINDS[project.kind],
        "multilingual": project.multilingual,
        "storageInputContainerName": project.container,
    }
    described = {"description": project.description} if project.description else {}
    return body | described | ({"settings": dict(project.settings)} if project.settings else {})


# --- models -----------------------------------------------------------------------------------------


def train(version: Version, project: str, label: str, options: EvaluationOptions) -> Call:
    """Options are told since 2022-05-01; before, the service divides 80/10/10."""
    if version.family == "tasks":
        body: Json = {"tasks": [{"trainingModelName": label}]}
        return _authoring("POST", version, _path(version, project, "train"), body)
    if version.family == "jobs":
        body = {"modelLabel": label, "runValidation": True}
    else:
        body = {
            "modelLabel": label,
            "trainingConfigVersion": "latest",
            "evaluationOptions": evaluation_options(options),
        }
    return _authoring("POST", version, _path(version, project, ":train"), body)


def evaluation_options(options: EvaluationOptions) -> Json:
    if options.manual:
        return {"kind": "manual"}
    return {
        "kind": "percentage",
        "trainingSplitPercentage": options.training,
        "testingSplitPercentage": options.testing,
    }


def list_trainings(version: Version, project: str) -> Call:
    return _authoring("GET", version, _path(version, project, "train", "jobs"))


def cancel_training(version: Version, project: str, job_id: str) -> Call:
    return _authoring("POST", version, _path(version, project, "train", "jobs", job_id, ":cancel"))


def list_models(version: Version, project: str) -> Call:
    return _authoring("GET", version, _path(version, project, "models"))


def get_model(version: Version, project: str, label: str) -> Call:
    return _authoring("GET", version, _path(version, project, "models", label))


def delete_model(version: Version, project: str, label: str) -> Call:
    return _authoring("DELETE", version, _path(version, project, "models", label))


def load_snapshot(version: Version, project: str, label: str) -> Call:
    return _authoring("POST", version, _path(version, project, "models", label, ":load-snapshot"))


def evaluation(version: Version, project: str, label: str) -> Call:
    if version.general:
        path = _path(version, project, "models", label, "evaluation", "summary-result")
        return _authoring("GET", version, path)
    return _first_measured(project, "evaluation", label)


def evaluation_details(version: Version, project: str, label: str) -> Call:
    """What was predicted of each text that was held out."""
    if version.general:
        path = _path(version, project, "models", label, "evaluation", "result")
        params = version.params | {"stringIndexType": "Utf16CodeUnit"}
        return Call("GET", path, "list", params)
    return _first_measured(project, "validation", label)


def _first_measured(project: str, what: str, label: str) -> Call:
    return Call("GET", _path(FIRST, project, what), "list", {"trainingModelName": label})


# --- deployments ------------------------------------------------------------------------------------


def deploy(version: Version, project: str, deployment: str, label: str) -> Call:
    """In v1.0-preview.2 a model is published, under no name: the job tells its id."""
    if not version.deployments:
        body: Json = {"tasks": [{"trainingModelName": label}]}
        return _authoring("POST", version, _path(version, project, "publish"), body)
    path = _path(version, project, "deployments", deployment)
    return _authoring("PUT", version, path, {"trainedModelLabel": label})


def list_deployments(version: Version, project: str) -> Call:
    return _authoring("GET", version, _path(version, project, "deployments"))


def get_deployment(version: Version, project: str, deployment: str) -> Call:
    return _authoring("GET", version, _path(version, project, "deployments", deployment))


def delete_deployment(version: Version, project: str, deployment: str) -> Call:
    return _authoring("DELETE", version, _path(version, project, "deployments", deployment))


def swap(version: Version, project: str, first: str, second: str) -> Call:
    body = {"firstDeploymentName": first, "secondDeploymentName": second}
    return _authoring("POST", version, _path(version, project, "deployments", ":swap"), body)


# --- texts ------------------------------------------------------------------------------------------


def analyze(
    version: Version, project: str, deployment: str, kind: ProjectKind, documents: Sequence[TextDocument]
) -> Call:
    """Offsets are asked for in code points, which every runtime knows. In v1.0-preview.2 `deployment` is the
    id of the published model."""
    parameters = _parameters(version, project, deployment)
    if kind == "entities" or not version.deployments:
        parameters["stringIndexType"] = _UNITS
    body: Json = {"analysisInput": {"documents": [_document(document) for document in documents]}}
    task: Json = {"parameters": parameters}
    if version.general:
        body["tasks"] = [{"kind": version.tasks[kind], "taskName": "0"} | task]
        return Call("POST", version.analyze, "analyze", version.params, body)
    body |= {"displayName": "formpipe", "tasks": {version.tasks[kind]: [task]}}
    return Call("POST", version.analyze, "analyze", {}, body)


def cancel_analysis(version: Version, job_id: str) -> Call:
    """Since 2022-05-01."""
    return Call("POST", f"{version.analyze}/{quote(job_id, safe='')}:cancel", "analyze", version.params)


def is_analysis(url: str) -> bool:
    """Whether a URL of an operation is of texts that were sent, and not of authoring."""
    path = urlsplit(url).path.lower()
    return "/analyze/jobs/" in path or "/analyze-text/jobs/" in path


def _parameters(version: Version, project: str, deployment: str) -> Json:
    if version.general:
        return {"projectName": project, "deploymentName": deployment}
    if version.deployments:
        return {"project-name": project, "deployment-name": deployment}
    return {"modelId": deployment}


def _document(document: TextDocument) -> Json:
    language = {"language": document.language} if document.language else {}
    return {"id": document.id, "text": document.text} | language


# --- parts ------------------------------------------------------------------------------------------


def _authoring(
    method: Literal["GET", "POST", "PUT", "DELETE"], version: Version, path: str, body: Json | None = None
) -> Call:
    return Call(method, path, "list" if method == "GET" else "manage", version.params, body)


def _path(version: Version, project: str, *parts: str) -> str:
    ends = "".join(f"/{part if part.startswith(':') else quote(part, safe='')}" for part in parts)
    return f"{version.authoring}/projects/{quote(project, safe='')}{ends}"

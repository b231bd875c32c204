"""What differs between the versions of the Language service on the wire (CONTRACTS 4).

A version names its authoring; the runtime that was published with it goes along. What
2021-11-01-preview was never documented to have (deleting a project, its evaluation) is asked for under
v1.0-preview.2, as the article that published it does for the former.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from pipeline.texts import ProjectKind

Family = Literal["tasks", "jobs", "general"]
"""How authoring is spoken: v1.0-preview.2 in tasks, 2021-11-01-preview in lists of jobs, then as it became
generally available."""


@dataclass(frozen=True, slots=True)
class Version:
    """`authoring`: where projects lie, `analyze`: where texts are sent. `snapshots`: models can be put back
    into their project (2023-04-01). `deployments`: texts are sent to a project's deployment and not to the id
    of a published model."""

    name: str
    family: Family
    authoring: str
    analyze: str
    snapshots: bool = False

    @property
    def general(self) -> bool:
        return self.family == "general"

    @property
    def deployments(self) -> bool:
        return self.family != "tasks"

    @property
    def params(self) -> dict[str, str]:
        """What authoring calls name their version by: their query, or their path."""
        return {} if self.family == "tasks" else {"api-version": self.name}

    @property
    def tasks(self) -> Mapping[ProjectKind, str]:
        """The name of a task by kind: an array of the request, or the task's `kind`."""
        if self.general:
            return PROJECT_KINDS
        return _TASKS if self.deployments else _FIRST_TASKS


MODEL_TYPES: Mapping[ProjectKind, str] = MappingProxyType(
    {"entities": "Extraction", "single": "SingleClassification", "multi": "MultiClassification"}
)
"""Kinds of projects as the previews name them."""

PROJECT_KINDS: Mapping[ProjectKind, str] = MappingProxyType(
    {
        "entities": "CustomEntityRecognition",
        "single": "CustomSingleLabelClassification",
        "multi": "CustomMultiLabelClassification",
    }
)
"""Kinds of projects and tasks since 2022-05-01."""

_TASKS: Mapping[ProjectKind, str] = MappingProxyType(
    {
        "entities": "customEntityRecognitionTasks",
        "single": "customSingleClassificationTasks",
        "multi": "customMultiClassificationTasks",
    }
)
_FIRST_TASKS = MappingProxyType({**_TASKS, "single": "customClassificationTasks"})

_GENERAL = ("/language/authoring/analyze-text", "/language/analyze-text/jobs")
_ALL = (
    Version(
        "v1.0-preview.2",
        "tasks",
        "/language/text/authoring/v1.0-preview.2",
        "/text/analytics/v3.1-preview.ct.1/analyze",
    ),
    Version("2021-11-01-preview", "jobs", "/language/analyze-text", "/text/analytics/v3.2-preview.2/analyze"),
    Version("2022-05-01", "general", *_GENERAL),
    Version("2023-04-01", "general", *_GENERAL, snapshots=True),
)

VERSIONS: Mapping[str, Version] = MappingProxyType({version.name: version for version in _ALL})
FIRST = VERSIONS["v1.0-preview.2"]


def kind_named(name: object) -> ProjectKind | None:
    """The kind behind any of the names that versions have for it."""
    return _KINDS.get(str(name).lower())


_KINDS: Mapping[str, ProjectKind] = MappingProxyType(
    {
        told.lower(): kind
        for names in (MODEL_TYPES, PROJECT_KINDS, _TASKS, _FIRST_TASKS)
        for kind, told in names.items()
    }
)

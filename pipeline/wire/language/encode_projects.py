"""Projects, models, deployments and lists of them as the Language service tells them (CONTRACTS 4.4)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from pipeline.remote import ServiceDeployment, ServiceModel
from pipeline.wire.language.encode_jobs import fine_moment, moment
from pipeline.wire.language.records import Project
from pipeline.wire.language.versions import MODEL_TYPES, PROJECT_KINDS, Version

Json = dict[str, Any]

CONFIG = "2022-05-01"
"""The training configuration that models are trained with."""


def project(version: Version, told: Project) -> Json:
    if not version.general:
        return _first_project(told)
    dates = {
        "createdDateTime": told.created_at,
        "lastModifiedDateTime": told.modified_at,
        "lastTrainedDateTime": told.trained_at,
        "lastDeployedDateTime": told.deployed_at,
    }
    body: Json = {name: moment(time) for name, time in dates.items() if time}
    body |= {
        "projectKind": PROJECT_KINDS[told.kind],
        "storageInputContainerName": told.container,
        "projectName": told.name,
        "multilingual": told.multilingual,
        "description": told.description,
        "language": told.language,
    }
    return body | ({"settings": dict(told.settings)} if told.settings else {})


def model(version: Version, told: ServiceModel, seconds: float) -> Json:
    """`seconds`: how long its training took."""
    body: Json = {
        "label": told.model_id,
        "modelId": told.name,
        "lastTrainedDateTime": moment(_known(told.created_at)),
        "lastTrainingDurationInSeconds": round(seconds),
        "modelExpirationDate": _known(told.expires_at).date().isoformat(),
        "modelTrainingConfigVersion": CONFIG,
    }
    return body | ({"hasSnapshot": True} if version.snapshots else {})


def deployment(told: ServiceDeployment) -> Json:
    return {
        "deploymentName": told.name,
        "modelId": told.model_id,
        "lastTrainedDateTime": fine_moment(_known(told.trained_at)),
        "lastDeployedDateTime": moment(_known(told.deployed_at)),
        "deploymentExpirationDate": _known(told.expires_at).date().isoformat(),
        "modelTrainingConfigVersion": CONFIG,
    }


def page(entries: Sequence[Json], next_link: str | None) -> Json:
    return {"value": list(entries), "nextLink": next_link}


def _first_project(told: Project) -> Json:
    return {
        "name": told.name,
        "modelType": MODEL_TYPES[told.kind],
        "multiLingual": told.multilingual,
        "description": told.description,
        "culture": told.language,
        "storageInputContainerName": told.container,
        "labelsLocation": told.labels,
    }


def _known(time: datetime | None) -> datetime:
    assert time is not None, "what is trained or deployed has a date"
    return time

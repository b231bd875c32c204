"""Projects, models and deployments as the Language service describes them (CONTRACTS 4.4)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipeline.remote import ServiceDeployment, ServiceModel
from pipeline.wire.language.records import Project
from pipeline.wire.language.versions import kind_named
from pipeline.wire.stamps import stamp

Json = Mapping[str, Any]


def project(body: Json) -> Project:
    """As 2022-05-01 and later tell it, or as the previews do."""
    kind = kind_named(body.get("projectKind") or body.get("modelType"))
    if kind is None:
        raise ValueError("no kind of project")
    settings = body.get("settings")
    return Project(
        name=str(body.get("projectName") or body["name"]),
        kind=kind,
        container=str(body.get("storageInputContainerName") or ""),
        language=str(body.get("language") or body.get("culture") or ""),
        multilingual=bool(body.get("multilingual") or body.get("multiLingual")),
        description=str(body.get("description") or ""),
        labels=str(body.get("labelsLocation") or ""),
        settings=settings if isinstance(settings, Mapping) else {},
        created_at=stamp(body.get("createdDateTime")),
        modified_at=stamp(body.get("lastModifiedDateTime")),
        trained_at=stamp(body.get("lastTrainedDateTime")),
        deployed_at=stamp(body.get("lastDeployedDateTime")),
    )


def model(body: Json) -> ServiceModel:
    return ServiceModel(
        model_id=str(body["label"]),
        name=str(body.get("modelId") or ""),
        api_version=str(body.get("modelTrainingConfigVersion") or ""),
        created_at=stamp(body.get("lastTrainedDateTime")),
        updated_at=stamp(body.get("lastTrainedDateTime")),
        expires_at=stamp(body.get("modelExpirationDate")),
    )


def deployment(body: Json) -> ServiceDeployment:
    return ServiceDeployment(
        name=str(body["deploymentName"]),
        model_id=str(body.get("modelId") or ""),
        deployed_at=stamp(body.get("lastDeployedDateTime")),
        trained_at=stamp(body.get("lastTrainedDateTime")),
        expires_at=stamp(body.get("deploymentExpirationDate")),
    )

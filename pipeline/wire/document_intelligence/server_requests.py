"""The bodies of what a client asks of Document Intelligence, read as the service reads them, and refused by
name (CONTRACTS 3.1)."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from pipeline.remote import BuildMode, ServiceFault
from pipeline.wire.document_intelligence.server_queries import Split, read_split
from pipeline.wire.document_intelligence.server_refusals import (
    BadRequestError,
    invalid,
    invalid_content,
    missing,
    not_done,
)
from pipeline.wire.document_intelligence.server_sources import (
    BlobSource,
    read_source,
    require_container,
    require_permissions,
)
from pipeline.wire.document_intelligence.versions import Version

_ID = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9._~-]{1,63}")
_LONGEST_DESCRIPTION = 4096


@dataclass(frozen=True, slots=True)
class NamedRequest:
    """What every request to make something names. `tags` are the caller's own."""

    model_id: str
    description: str = ""
    tags: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class BuildRequest:
    """A model to be trained."""

    named: NamedRequest
    mode: BuildMode
    source: BlobSource
    overwrite: bool = False


@dataclass(frozen=True, slots=True)
class ComponentRequest:
    """A model in a composed one. `kind` is its class in 4.0; `options` what was told of it beside."""

    model_id: str
    kind: str = ""
    options: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ComposeRequest:
    """A model to be made of several; in 4.0 a classifier tells which of them a document is for."""

    named: NamedRequest
    components: tuple[ComponentRequest, ...]
    classifier_id: str = ""
    split: Split = "auto"


@dataclass(frozen=True, slots=True)
class ClassifierRequest:
    """A classifier to be trained; `base` is one that it goes on from (4.0)."""

    named: NamedRequest
    sources: dict[str, BlobSource]
    overwrite: bool = False
    base: str = ""


@dataclass(frozen=True, slots=True)
class BatchRequest:
    """Files of a container to be analyzed, with their results put into another."""

    source: BlobSource
    result_url: str = field(repr=False)
    prefix: str = ""
    overwrite: bool = False


# --- bodies -----------------------------------------------------------------------------------------


def read_object(body: object) -> Mapping[str, Any]:
    """Raises BadRequestError for a body that is no JSON object."""
    if not isinstance(body, Mapping):
        raise BadRequestError(ServiceFault("InvalidParameter", "The request body is not a JSON object."))
    return body


def read_named(body: object, what: str = "modelId") -> NamedRequest:
    """Raises BadRequestError."""
    told = read_object(body)
    description = told.get("description") or ""
    if not isinstance(description, str) or len(description) > _LONGEST_DESCRIPTION:
        raise invalid("description")
    tags = told.get("tags") or {}
    if not isinstance(tags, Mapping) or not all(isinstance(value, str) for value in tags.values()):
        raise invalid("tags")
    return NamedRequest(require_id(told.get(what), what), description, dict(tags))


def require_id(value: object, what: str = "modelId") -> str:
    """An id that a caller may choose. Raises BadRequestError."""
    if value is None:
        raise missing(what)
    if not isinstance(value, str) or not _ID.fullmatch(value):
        raise invalid(what, f"it must match ^{_ID.pattern}$")
    if value.startswith("prebuilt-"):
        raise invalid(what, "the prefix 'prebuilt-' is reserved.")
    return value


def read_build(body: object, version: Version) -> BuildRequest:
    """Raises BadRequestError."""
    told = read_object(body)
    named = read_named(told)
    mode = told.get("buildMode")
    if mode is None:
        raise missing("buildMode")
    if mode not in ("template", "neural"):
        raise invalid("buildMode")
    source = read_source(told, version, "rl")
    return BuildRequest(named, cast(BuildMode, mode), source, told.get("allowOverwrite") is True)


def read_compose(body: object, version: Version) -> ComposeRequest:
    """Raises BadRequestError."""
    told = read_object(body)
    named = read_named(told)
    if not version.classifier_compose:
        models = told.get("componentModels")
        if not isinstance(models, Sequence) or not models:
            raise missing("componentModels")
        return ComposeRequest(named, tuple(_component(each, "componentModels") for each in models))
    classifier, kinds = told.get("classifierId"), told.get("docTypes")
    if not isinstance(classifier, str) or not classifier:
        raise missing("classifierId")
    if not isinstance(kinds, Mapping) or not kinds:
        raise missing("docTypes")
    parts = tuple(_component(each, "docTypes", str(kind)) for kind, each in kinds.items())
    return ComposeRequest(named, parts, classifier, read_split(told.get("split"), "auto"))


def _component(told: object, where: str, kind: str = "") -> ComponentRequest:
    model_id = told.get("modelId") if isinstance(told, Mapping) else None
    if not isinstance(model_id, str):
        raise invalid(where, "every model needs a modelId.")
    assert isinstance(told, Mapping)
    least = told.get("confidenceThreshold")
    if least is not None and (not isinstance(least, int | float) or not 0 <= least <= 1):
        raise invalid("confidenceThreshold")
    if told.get("features") or told.get("queryFields"):
        raise not_done("features of composed models")
    options = {
        name: told[name] for name in ("confidenceThreshold", "maxDocumentsToAnalyze") if told.get(name)
    }
    return ComponentRequest(model_id, kind, options)


def read_classifier(body: object, version: Version, least_classes: int) -> ClassifierRequest:
    """Raises BadRequestError."""
    told = read_object(body)
    named = read_named(told, "classifierId")
    kinds = told.get("docTypes")
    base = str(told.get("baseClassifierId") or "") if version.model_extras else ""
    if not isinstance(kinds, Mapping) or (len(kinds) < least_classes and not base):
        raise invalid("docTypes", f"at least {least_classes} are required.")
    sources = {str(kind): read_source(read_object(each), version, "rl") for kind, each in kinds.items()}
    return ClassifierRequest(named, sources, told.get("allowOverwrite") is True, base)


def read_batch(body: object, version: Version) -> BatchRequest:
    """Raises BadRequestError."""
    told = read_object(body)
    source = read_source(told, version, "rwld")
    url = told.get("resultContainerUrl")
    if not isinstance(url, str) or not url:
        raise missing("resultContainerUrl")
    require_container(url)
    require_permissions(url, "wld")
    return BatchRequest(
        source, url, str(told.get("resultPrefix") or ""), told.get("overwriteExisting") is True
    )


def read_document(body: object) -> tuple[str, bytes]:
    """The URL of a document, or its bytes. Raises BadRequestError."""
    told = read_object(body)
    url, content = told.get("urlSource"), told.get("base64Source")
    if (url is None) == (content is None):
        message = "Exactly one of urlSource and base64Source is required."
        raise BadRequestError(ServiceFault("ParameterMissing", message))
    if url is not None:
        if not isinstance(url, str) or not url.startswith(("http://", "https://")):
            raise invalid("urlSource")
        return url, b""
    try:
        return "", base64.b64decode(str(content), validate=True)
    except binascii.Error:
        raise invalid_content() from None

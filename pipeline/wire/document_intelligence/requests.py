"""What a client asks of Document Intelligence, as values. Paths are relative to the endpoint; the version
goes with every call but those to URLs that the service gave."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import quote

from pipeline.remote import ContainerLink, CopyAuthorization, StagedDocument, TrainingRequest
from pipeline.wire.document_intelligence.versions import Version

Json = dict[str, Any]
OperationClass = Literal["analyze", "get", "manage", "list"]
LAYOUT = "prebuilt-layout"


@dataclass(frozen=True, slots=True)
class Call:
    """One request. `json` may hold a signed URL or a token and is never shown."""

    method: Literal["GET", "POST", "DELETE"]
    path: str
    operation_class: OperationClass
    params: Mapping[str, str] = field(default_factory=dict)
    json: Json | None = field(default=None, repr=False)
    document: StagedDocument | None = None


@dataclass(frozen=True, slots=True)
class DocumentLink:
    """A document where the service can fetch it. `url` may carry a signature and is never shown."""

    name: str
    url: str = field(repr=False)


Source = StagedDocument | DocumentLink


@dataclass(frozen=True, slots=True)
class ReadingOptions:
    """`pages`: `1-2,5`, empty for all. `index`: the unit that spans are counted in. `locale`, `features`:
    empty for the service's defaults. `split`: of a classifier (4.0)."""

    pages: str = ""
    index: str = "unicodeCodePoint"
    locale: str = ""
    features: str = ""
    split: str = ""


PLAIN = ReadingOptions()


def build(version: Version, request: TrainingRequest) -> Call:
    body: Json = {
        "modelId": request.name,
        "buildMode": request.mode,
        "azureBlobSource": blob_source(request.source, request.prefix),
    }
    if request.description:
        body["description"] = request.description
    return Call("POST", f"{version.base}/documentModels:build", "manage", _version(version), body)


def blob_source(source: ContainerLink, prefix: str = "") -> Json:
    return {"containerUrl": source.url} | ({"prefix": prefix} if prefix else {})


def file_list_source(source: ContainerLink, file_list: str) -> Json:
    """A JSON-lines file in the container that names the documents."""
    return {"containerUrl": source.url, "fileList": file_list}


def compose(
    version: Version, name: str, model_ids: Sequence[str], classifier_id: str, description: str
) -> Call:
    """In 4.0 a classifier chooses among document types, each with its model."""
    body: Json = {"modelId": name} | ({"description": description} if description else {})
    if version.classifier_compose:
        body["classifierId"] = classifier_id
        body["docTypes"] = {model_id: {"modelId": model_id} for model_id in model_ids}
    else:
        body["componentModels"] = [{"modelId": model_id} for model_id in model_ids]
    return Call("POST", f"{version.base}/documentModels:compose", "manage", _version(version), body)


def get_model(version: Version, model_id: str) -> Call:
    return Call("GET", _model(version, model_id), "manage", _version(version))


def delete_model(version: Version, model_id: str) -> Call:
    return Call("DELETE", _model(version, model_id), "manage", _version(version))


def list_models(version: Version) -> Call:
    return Call("GET", f"{version.base}/documentModels", "list", _version(version))


def info(version: Version) -> Call:
    return Call("GET", f"{version.base}/info", "list", _version(version))


def list_operations(version: Version) -> Call:
    return Call("GET", f"{version.base}/operations", "list", _version(version))


def authorize_copy(version: Version, name: str, description: str = "") -> Call:
    body: Json = {"modelId": name} | ({"description": description} if description else {})
    return Call("POST", f"{version.base}/documentModels:authorizeCopy", "manage", _version(version), body)


def copy(version: Version, model_id: str, leave: CopyAuthorization) -> Call:
    path = f"{_model(version, model_id)}:copyTo"
    return Call("POST", path, "manage", _version(version), dict(leave.body))


def analyze(version: Version, model_id: str, document: Source, options: ReadingOptions) -> Call:
    path = f"{_model(version, model_id)}:analyze"
    return _reading(path, version, document, options)


def build_classifier(version: Version, name: str, types: Mapping[str, Json], description: str) -> Call:
    """`types`: a source of documents for each class."""
    body: Json = {"classifierId": name, "docTypes": dict(types)}
    body |= {"description": description} if description else {}
    return Call("POST", f"{version.base}/documentClassifiers:build", "manage", _version(version), body)


def classifier(version: Version, method: Literal["GET", "DELETE"], classifier_id: str) -> Call:
    return Call(
        method, f"{version.base}/documentClassifiers/{quote(classifier_id)}", "manage", _version(version)
    )


def list_classifiers(version: Version) -> Call:
    return Call("GET", f"{version.base}/documentClassifiers", "list", _version(version))


def classify(version: Version, classifier_id: str, document: Source, options: ReadingOptions) -> Call:
    path = f"{version.base}/documentClassifiers/{quote(classifier_id)}:analyze"
    return _reading(path, version, document, options)


def analyze_batch(
    version: Version, model_id: str, source: Json, result: ContainerLink, prefix: str, *, overwrite: bool
) -> Call:
    """`source`: a `blob_source` or a `file_list_source`; results go under `prefix` there."""
    kind = "azureBlobFileListSource" if "fileList" in source else "azureBlobSource"
    body: Json = {
        kind: source,
        "resultContainerUrl": result.url,
        "resultPrefix": prefix,
        "overwriteExisting": overwrite,
    }
    return Call("POST", f"{_model(version, model_id)}:analyzeBatch", "analyze", _version(version), body)


def _reading(path: str, version: Version, document: Source, options: ReadingOptions) -> Call:
    told = {
        "stringIndexType": options.index,
        "pages": options.pages,
        "locale": options.locale,
        "features": options.features,
        "split": options.split,
    }
    params = _version(version) | {name: value for name, value in told.items() if value}
    if isinstance(document, DocumentLink):
        return Call("POST", path, "analyze", params, {"urlSource": document.url})
    return Call("POST", path, "analyze", params, document=document)


def _model(version: Version, model_id: str) -> str:
    return f"{version.base}/documentModels/{quote(model_id, safe='')}"


def _version(version: Version) -> dict[str, str]:
    return {"api-version": version.name}

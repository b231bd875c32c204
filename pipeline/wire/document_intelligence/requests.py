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
Parts = Mapping[str, str] | Sequence[str]
"""The models that are composed; by class, where the classes of a classifier are not the ids of models."""


@dataclass(frozen=True, slots=True)
class DocumentSource:
    """Documents in a container: those under a prefix, or those a JSON-lines file there names (3.1 on)."""

    container: ContainerLink
    prefix: str = ""
    file_list: str = ""

    @property
    def body(self) -> Json:
        """Holds a signed URL."""
        if self.file_list:
            told = {"containerUrl": self.container.url, "fileList": self.file_list}
            return {"azureBlobFileListSource": told}
        told = {"containerUrl": self.container.url} | ({"prefix": self.prefix} if self.prefix else {})
        return {"azureBlobSource": told}


@dataclass(frozen=True, slots=True)
class ReadingOptions:
    """`pages`: `1-2,5`, empty for all. `index`: the unit that spans are counted in. `locale`, `features`:
    empty for the service's defaults. `split`: of a classifier (4.0)."""

    pages: str = ""
    index: str = "unicodeCodePoint"
    locale: str = ""
    features: str = ""
    split: str = ""

    @property
    def params(self) -> dict[str, str]:
        told = {
            "pages": self.pages,
            "locale": self.locale,
            "stringIndexType": self.index,
            "features": self.features,
            "split": self.split,
        }
        return {name: value for name, value in told.items() if value}


@dataclass(frozen=True, slots=True)
class Notes:
    """What a person may write on a model."""

    description: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def body(self) -> Json:
        described = {"description": self.description} if self.description else {}
        return described | ({"tags": dict(self.tags)} if self.tags else {})


@dataclass(frozen=True, slots=True)
class BatchTarget:
    """Where the results of a batch go: a container, under a prefix that ends in `/`."""

    container: ContainerLink
    prefix: str
    overwrite: bool = False


PLAIN = ReadingOptions()
UNNOTED = Notes()


# --- models -----------------------------------------------------------------------------------------


def build(version: Version, request: TrainingRequest, tags: Mapping[str, str]) -> Call:
    source = DocumentSource(request.source, request.prefix)
    body = {"modelId": request.name, "buildMode": request.mode} | source.body
    return _making(version, "documentModels:build", body, Notes(request.description, tags))


def compose(version: Version, name: str, parts: Parts, classifier_id: str, notes: Notes) -> Call:
    """In 4.0 a classifier chooses among document types, each with its model."""
    kinds = parts if isinstance(parts, Mapping) else {model_id: model_id for model_id in parts}
    models = {kind: {"modelId": model_id} for kind, model_id in kinds.items()}
    if version.classifier_compose:
        chosen: Json = {"classifierId": classifier_id, "docTypes": models}
    else:
        chosen = {"componentModels": list(models.values())}
    return _making(version, "documentModels:compose", {"modelId": name} | chosen, notes)


def get_model(version: Version, model_id: str) -> Call:
    return Call("GET", _model(version, model_id), "manage", _version(version))


def delete_model(version: Version, model_id: str) -> Call:
    return Call("DELETE", _model(version, model_id), "manage", _version(version))


def list_models(version: Version) -> Call:
    return Call("GET", f"{version.base}/documentModels", "list", _version(version))


def info(version: Version) -> Call:
    return Call("GET", f"{version.base}/info", "list", _version(version))


def authorize_copy(version: Version, name: str, notes: Notes) -> Call:
    return _making(version, "documentModels:authorizeCopy", {"modelId": name}, notes)


def copy(version: Version, model_id: str, leave: CopyAuthorization) -> Call:
    path = f"{_model(version, model_id)}:copyTo"
    return Call("POST", path, "manage", _version(version), dict(leave.body))


# --- operations -------------------------------------------------------------------------------------


def list_operations(version: Version) -> Call:
    return Call("GET", f"{version.base}/operations", "list", _version(version))


def get_operation(version: Version, operation_id: str) -> Call:
    path = f"{version.base}/operations/{quote(operation_id, safe='')}"
    return Call("GET", path, "get", _version(version))


def next_page(version: Version, link: str) -> str:
    """The link to the next page of a list; the service's own has the version, the OpenAPI examples' not."""
    if "api-version=" in link:
        return link
    return f"{link}{'&' if '?' in link else '?'}api-version={version.name}"


# --- documents --------------------------------------------------------------------------------------


def analyze(version: Version, model_id: str, document: Source, options: ReadingOptions) -> Call:
    return _reading(f"{_model(version, model_id)}:analyze", version, document, options)


def analyze_batch(
    version: Version, model_id: str, source: DocumentSource, target: BatchTarget, options: ReadingOptions
) -> Call:
    body: Json = source.body | {
        "resultContainerUrl": target.container.url,
        "resultPrefix": target.prefix,
        "overwriteExisting": target.overwrite,
    }
    params = _version(version) | options.params
    return Call("POST", f"{_model(version, model_id)}:analyzeBatch", "analyze", params, body)


# --- classifiers ------------------------------------------------------------------------------------


def build_classifier(
    version: Version, name: str, classes: Mapping[str, DocumentSource], notes: Notes
) -> Call:
    types = {kind: source.body for kind, source in classes.items()}
    return _making(version, "documentClassifiers:build", {"classifierId": name, "docTypes": types}, notes)


def get_classifier(version: Version, classifier_id: str) -> Call:
    return Call("GET", _classifier(version, classifier_id), "manage", _version(version))


def delete_classifier(version: Version, classifier_id: str) -> Call:
    return Call("DELETE", _classifier(version, classifier_id), "manage", _version(version))


def list_classifiers(version: Version) -> Call:
    return Call("GET", f"{version.base}/documentClassifiers", "list", _version(version))


def classify(version: Version, classifier_id: str, document: Source, options: ReadingOptions) -> Call:
    return _reading(f"{_classifier(version, classifier_id)}:analyze", version, document, options)


# --- parts ------------------------------------------------------------------------------------------


def _making(version: Version, action: str, body: Json, notes: Notes) -> Call:
    return Call("POST", f"{version.base}/{action}", "manage", _version(version), body | notes.body)


def _reading(path: str, version: Version, document: Source, options: ReadingOptions) -> Call:
    params = _version(version) | options.params
    if isinstance(document, DocumentLink):
        return Call("POST", path, "analyze", params, {"urlSource": document.url})
    return Call("POST", path, "analyze", params, document=document)


def _model(version: Version, model_id: str) -> str:
    return f"{version.base}/documentModels/{quote(model_id, safe='')}"


def _classifier(version: Version, classifier_id: str) -> str:
    return f"{version.base}/documentClassifiers/{quote(classifier_id, safe='')}"


def _version(version: Version) -> dict[str, str]:
    return {"api-version": version.name}

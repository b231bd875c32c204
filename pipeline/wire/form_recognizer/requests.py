"""What a client asks of Form Recognizer v2.0-preview to v2.1, as values: method, path, query, body.

Paths are relative to the endpoint. Sources: the OpenAPI files of each version and the recorded sessions of
the vendor's SDK, whose requests these are; for v2.0-preview the documentation of the feedback loop.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import quote, urlsplit, urlunsplit

from pipeline.remote import CopyAuthorization, StagedDocument, TrainingRequest
from pipeline.wire.form_recognizer.versions import Version

Json = dict[str, Any]
OperationClass = Literal["analyze", "get", "manage", "list"]


@dataclass(frozen=True, slots=True)
class Call:
    """One request. `json` may hold a signed URL or a token and is never shown. `document`: its bytes are the
    body, or with `multipart` the only part of it."""

    method: Literal["GET", "POST", "DELETE"]
    path: str
    operation_class: OperationClass
    params: Mapping[str, str] = field(default_factory=dict)
    json: Json | None = field(default=None, repr=False)
    document: StagedDocument | None = None
    multipart: bool = False


@dataclass(frozen=True, slots=True)
class DocumentLink:
    """A document where the service can fetch it. `url` may carry a signature and is never shown."""

    name: str
    url: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class ReadingOptions:
    """How a document is to be read; what a version has no parameter for is left out of the request.

    `text_details`: give the lines and words with the values. `pages`: `1-2,5`, empty for all. `language`:
    an ISO code for the layout, empty to let the service find out.
    """

    text_details: bool = True
    pages: str = ""
    language: str = ""


AS_A_WHOLE = ReadingOptions()
"""Every page, with its words, in whatever language."""


@dataclass(frozen=True, slots=True)
class CopyTarget:
    """The resource that a model is copied into: its Azure resource id and region (`westus2`)."""

    resource_id: str
    region: str


Source = StagedDocument | DocumentLink


# --- models ---------------------------------------------------------------------------------------


def train(version: Version, request: TrainingRequest) -> Call:
    """The feedback loop writes its booleans as strings, as its published code does."""

    def boolean(value: bool) -> bool | str:
        return str(value).lower() if version.feedback_loop else value

    body: Json = {
        "source": request.source.url,
        "sourceFilter": {
            "prefix": request.prefix,
            "includeSubFolders": boolean(request.include_subfolders),
        },
        "useLabelFile": boolean(request.labels),
    }
    path = f"{version.base}/custom/asyncTrain" if version.feedback_loop else version.models
    return Call("POST", path, "manage", json=body | _model_name(version, request.name))


def compose(version: Version, model_ids: Sequence[str], name: str = "") -> Call:
    body: Json = {"modelIds": list(model_ids)} | _model_name(version, name)
    return Call("POST", f"{version.models}/compose", "manage", json=body)


def get_model(version: Version, model_id: str) -> Call:
    return Call("GET", _model(version, model_id), "manage", {"includeKeys": "true"})


def delete_model(version: Version, model_id: str) -> Call:
    return Call("DELETE", _model(version, model_id), "manage")


def list_models(version: Version) -> Call:
    return Call("GET", version.models, "list", {"op": "full"})


def next_models(link: str) -> str:
    """The URL of the next page. The service's link holds only an opaque `nextLink`, which is kept to the
    letter; the vendor's SDK puts `op=full` before it, and so do we."""
    parts = urlsplit(link)
    wanted = parts.query.startswith("op=") or "&op=" in parts.query
    return link if wanted else urlunsplit(parts._replace(query=f"op=full&{parts.query}"))


def count_models(version: Version) -> Call:
    return Call("GET", version.models, "list", {"op": "summary"})


def training_poll(url: str) -> str:
    """Where to ask for a model in training: its URL, with the keys that a model without labels will have.

    The URL of a training operation of the feedback loop is left as it is.
    """
    parts = urlsplit(url)
    wanted = "/models/" in parts.path.lower() and "includekeys=" not in parts.query.lower()
    query = "&".join(filter(None, (parts.query, "includeKeys=true")))
    return urlunsplit(parts._replace(query=query)) if wanted else url


# --- copy -----------------------------------------------------------------------------------------


def authorize_copy(version: Version) -> Call:
    """Asked of the resource that is copied into."""
    return Call("POST", f"{version.models}/copyAuthorization", "manage")


def copy(version: Version, model_id: str, target: CopyTarget, leave: CopyAuthorization) -> Call:
    """Asked of the resource that has the model."""
    body: Json = {
        "targetResourceId": target.resource_id,
        "targetResourceRegion": target.region,
        "copyAuthorization": dict(leave.body),
    }
    return Call("POST", f"{_model(version, model_id)}/copy", "manage", json=body)


# --- documents ------------------------------------------------------------------------------------


def analyze(version: Version, model_id: str, source: Source, options: ReadingOptions) -> Call:
    params = {"includeTextDetails": str(options.text_details).lower()}
    if version.analyze_pages and options.pages:
        params["pages"] = options.pages
    if version.feedback_loop:
        return _reading(f"{_model(version, model_id)}/asyncAnalyze/", params, source, multipart=True)
    return _reading(f"{_model(version, model_id)}/analyze", params, source)


def layout(version: Version, source: Source, options: ReadingOptions) -> Call:
    """`readingOrder=basic` is the service's default, said so that a changed default changes no layout."""
    if version.feedback_loop:
        return _reading(f"{version.base}/readLayout/asyncAnalyze", {}, source)
    params: dict[str, str] = {}
    if version.layout_language and options.language:
        params["language"] = options.language
    if version.layout_pages and options.pages:
        params[version.layout_pages] = options.pages
    if version.reading_order:
        params["readingOrder"] = "basic"
    return _reading(f"{version.base}/layout/analyze", params, source)


def _reading(path: str, params: Mapping[str, str], source: Source, *, multipart: bool = False) -> Call:
    if isinstance(source, DocumentLink):
        return Call("POST", path, "analyze", params, json={"source": source.url})
    return Call("POST", path, "analyze", params, document=source, multipart=multipart)


def _model(version: Version, model_id: str) -> str:
    return f"{version.models}/{quote(model_id, safe='')}"


def _model_name(version: Version, name: str) -> Json:
    return {"modelName": name} if version.model_names and name else {}

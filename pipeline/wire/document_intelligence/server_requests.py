"""What a client asks of Document Intelligence, read as the service reads it, and refused by name (CONTRACTS
3.1, 3.4)."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, cast
from urllib.parse import parse_qs, urlsplit

from pipeline.remote import BuildMode, ServiceFault
from pipeline.wire.document_intelligence.text_index import DEFAULT, INDEXES
from pipeline.wire.document_intelligence.versions import Version

Split = Literal["none", "auto", "perPage"]
Json = dict[str, Any]

_ID = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9._~-]{1,63}")
_CONTAINER = re.compile(r"\$?[a-z0-9](-?[a-z0-9]){1,62}")
_PAGES = re.compile(r"\d+(-\d+)?(,\s*\d+(-\d+)?)*")
_LOCALE = re.compile(r"[a-zA-Z]{2,3}([-_][a-zA-Z0-9]{2,8})*")
_MOST_PAGES = 5000
_LONGEST_DESCRIPTION = 4096
_SPLITS = ("none", "auto", "perPage")
_PERMISSIONS = {"r": "read", "w": "write", "l": "list", "d": "delete"}


class BadRequestError(Exception):
    """A request the service refuses; `fault` is what it says."""

    def __init__(self, fault: ServiceFault, status: int = 400) -> None:
        super().__init__(fault.code)
        self.fault = fault
        self.status = status


@dataclass(frozen=True, slots=True)
class BlobSource:
    """Documents in a container: those under a prefix, or those a JSON-lines file names."""

    url: str = field(repr=False)
    prefix: str = ""
    file_list: str = ""

    @property
    def told(self) -> Json:
        """Where the documents lie, without the signature."""
        url = self.url.partition("?")[0]
        if self.file_list:
            return {"azureBlobFileListSource": {"containerUrl": url, "fileList": self.file_list}}
        return {"azureBlobSource": {"containerUrl": url} | ({"prefix": self.prefix} if self.prefix else {})}


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


@dataclass(frozen=True, slots=True)
class ReadingRequest:
    """How a document is to be read. `pages` is empty for all."""

    pages: tuple[int, ...] = ()
    index: str = DEFAULT


# --- refusals ---------------------------------------------------------------------------------------


def invalid(parameter: str, why: str = "") -> BadRequestError:
    """A parameter that is none."""
    message = f"The parameter {parameter} is invalid" + (f": {why}" if why else ".")
    return BadRequestError(ServiceFault("InvalidParameter", message, parameter))


def missing(parameter: str) -> BadRequestError:
    return BadRequestError(
        ServiceFault("ParameterMissing", f"The parameter {parameter} is required.", parameter)
    )


def invalid_content() -> BadRequestError:
    """A document that cannot be read."""
    message = (
        "The file is corrupted or format is unsupported. Refer to documentation for the list of supported "
        "formats."
    )
    return BadRequestError(ServiceFault("InvalidContent", message))


def not_done(what: str) -> BadRequestError:
    """What the service does and the emulator does not."""
    return BadRequestError(ServiceFault("NotImplemented", f"The emulator has no {what}."), 501)


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


# --- sources ----------------------------------------------------------------------------------------


def read_source(body: Mapping[str, Any], version: Version, permissions: str) -> BlobSource:
    """Exactly one of `azureBlobSource` and, since 3.1, `azureBlobFileListSource`, in a container that may be
    used as asked. Raises BadRequestError."""
    folder, listed = body.get("azureBlobSource"), body.get("azureBlobFileListSource")
    if listed is not None and not version.classifiers:
        raise invalid("azureBlobFileListSource", f"{version.name} does not know it.")
    told = listed if folder is None else folder
    if (folder is None) == (listed is None) or not isinstance(told, Mapping):
        message = "Exactly one of azureBlobSource and azureBlobFileListSource is required."
        raise BadRequestError(ServiceFault("ParameterMissing", message))
    url = str(told.get("containerUrl") or "")
    require_container(url)
    require_permissions(url, permissions)
    if folder is None and not told.get("fileList"):
        raise missing("fileList")
    return BlobSource(url, str(told.get("prefix") or ""), str(told.get("fileList") or ""))


def require_container(url: str) -> None:
    """Raises BadRequestError for a URL that names no container."""
    parts = urlsplit(url)
    name = parts.path.strip("/").rpartition("/")[2]
    if parts.scheme not in ("http", "https") or not _CONTAINER.fullmatch(name):
        message = "Invalid content source: Source Uri must include container path"
        raise BadRequestError(ServiceFault("InvalidContentSourceFormat", message))


def require_permissions(url: str, permissions: str) -> None:
    """What a signature does not allow is refused by name. One that refers to a stored policy says nothing of
    permissions, and storage itself refuses what it does not allow. Raises BadRequestError."""
    query = parse_qs(urlsplit(url).query)
    given = query.get("sp")
    if given is None:
        return
    for letter in permissions:
        if letter not in given[0]:
            missing_one = f"SAS '{_PERMISSIONS[letter]}' authorization is missing. Permissions: {given[0]}"
            raise BadRequestError(ServiceFault("InvalidSasToken", f"Invalid SAS token: {missing_one}"))


# --- queries ----------------------------------------------------------------------------------------


def read_reading(query: Mapping[str, str], version: Version) -> ReadingRequest:
    """How to analyze. What the emulator does not do is refused as such. Raises BadRequestError."""
    locale = query.get("locale")
    if locale and not _LOCALE.fullmatch(locale):
        raise invalid("Locale", "The language code is invalid or not supported.")
    wanted = [name.strip() for name in query.get("features", "").split(",") if name.strip()]
    for name in wanted:
        if name not in version.features:
            raise invalid("features", f"{version.name} has no {name}.")
    if wanted:
        raise not_done(f"feature {wanted[0]}")
    if version.content_format:
        _require_text_alone(query)
    return ReadingRequest(read_pages(query.get("pages")), read_index(query))


def _require_text_alone(query: Mapping[str, str]) -> None:
    form = query.get("outputContentFormat", "text")
    if form not in ("text", "markdown"):
        raise invalid("outputContentFormat")
    if form == "markdown":
        raise not_done("output in Markdown")
    if query.get("output"):
        raise not_done(f"output of {query['output']}")


def read_index(query: Mapping[str, str]) -> str:
    """Raises BadRequestError."""
    index = query.get("stringIndexType", DEFAULT)
    if index not in INDEXES:
        raise invalid("stringIndexType")
    return index


def read_split(told: object, default: Split) -> Split:
    """Raises BadRequestError."""
    if told is None:
        return default
    if told not in _SPLITS:
        raise invalid("split")
    return cast(Split, told)


def read_pages(text: str | None) -> tuple[int, ...]:
    """`1-3, 5`; empty for all. Raises BadRequestError."""
    if not text:
        return ()
    if not _PAGES.fullmatch(text):
        raise invalid("pages")
    numbers: list[int] = []
    for part in text.replace(" ", "").split(","):
        first, _, last = part.partition("-")
        begin, end = int(first), int(last or first)
        if begin < 1 or end < begin:
            raise invalid("pages")
        numbers += range(begin, min(end, begin + _MOST_PAGES) + 1)
    return tuple(dict.fromkeys(numbers))

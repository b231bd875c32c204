"""The `.ocr.json` files of a training folder: the user's own, and those made here, told apart."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from pipeline.errors import DocumentError
from pipeline.formats.ocr_json import layout_from_json, layout_to_json
from pipeline.services import Service
from pipeline.training.records import LayoutFile, TrainingDocument, TrainingFolder
from pipeline.types import Layout
from pipeline.wire.document_intelligence.decode import layout_from_result

_PRODUCER = "producedBy"
_SOURCE = "producedFrom"
_MAKER = "producedWith"
_OURS = "formpipe"


@dataclass(frozen=True, slots=True)
class ReadLayout:
    """An `.ocr.json` that was read. `layout` is None unless its state is `given` or `made`."""

    state: LayoutFile
    layout: Layout | None = None
    digest: str = ""
    version: str = ""
    maker: str = "local"


def made_layout_json(layout: Layout, digest: str = "") -> bytes:
    """The `.ocr.json` of a layout that we made; `digest` is the SHA-256 of the document it was made of."""
    body = {_PRODUCER: _OURS, _SOURCE: digest, **layout_to_json(layout)}
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


def service_layout_json(body: bytes, digest: str, engine: str) -> bytes:
    """The `.ocr.json` of a layout that a service read for us: its answer as it came, and whose it is."""
    answer = json.loads(body)
    ours = {_PRODUCER: _OURS, _SOURCE: digest, _MAKER: engine}
    return json.dumps({**ours, **answer}, ensure_ascii=False, separators=(",", ":")).encode()


def layouts_to_make(
    folder: TrainingFolder, service: Service, api_version: str | None
) -> tuple[TrainingDocument, ...]:
    """The documents that are to be read before a model can be trained. On a service: those that are learned
    from by labels and have no layout that it can use; without labels it reads for itself, and is not paid
    twice. Here: those without a layout."""
    if not service.layout_versions:
        return tuple(each for each in folder.trained if not (each.has_layout or each.is_text))
    if not folder.use_labels and not service.version(api_version).layouts_always:
        return ()
    return tuple(each for each in folder.trained if not usable_layout(each, service, api_version))


def usable_layout(document: TrainingDocument, service: Service, api_version: str | None) -> bool:
    """Whether a service can train from the layout that lies beside a document: one of the version's family,
    and not one that another engine made for us."""
    family = service.layouts_of(api_version)
    if not document.has_layout or not document.layout_version.startswith(family):
        return False
    return document.layout == "given" or document.layout_maker == service.engine


def read_layout(content: bytes, document_digest: str) -> ReadLayout:
    """Read an `.ocr.json`. One that we made of another content of its document counts as missing."""
    own = sha256(content).hexdigest()
    try:
        body = json.loads(content.decode("utf-8-sig"))
        if not isinstance(body, Mapping):
            return ReadLayout("unreadable", digest=own)
        ours = body.get(_PRODUCER) == _OURS
        if ours and body.get(_SOURCE) not in ("", None, document_digest):
            return ReadLayout("missing")
        layout = _layout(body)
    except (ValueError, RecursionError, DocumentError):
        return ReadLayout("unreadable", digest=own)
    if ours:
        maker = str(body.get(_MAKER) or "local")
        return ReadLayout("made", layout, version=_version(body), maker=maker)
    return ReadLayout("given", layout, own, _version(body))


def _layout(body: Mapping[str, Any]) -> Layout:
    """Version 3 and later of the service tell an `apiVersion` and have pages of their own shape."""
    result = body.get("analyzeResult", body)
    later = isinstance(result, Mapping) and "apiVersion" in result and "readResults" not in result
    return layout_from_result(body) if later else layout_from_json(body)


def _version(body: Mapping[str, Any]) -> str:
    result = body.get("analyzeResult", body)
    if not isinstance(result, Mapping):
        return ""
    return str(result.get("version") or result.get("apiVersion") or "")

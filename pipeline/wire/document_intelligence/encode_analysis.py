"""What Document Intelligence says of documents that it read, analyzed or classified, and of batches of them
(CONTRACTS 3.3)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from pipeline.remote import Analysis, AnalyzedDocument, BatchItem, ServiceFault
from pipeline.types import FieldSpec, Layout, Page
from pipeline.wire.document_intelligence.encode import Status, stamp
from pipeline.wire.document_intelligence.encode_faults import failure, item_error
from pipeline.wire.document_intelligence.encode_fields import fields_body
from pipeline.wire.document_intelligence.encode_pages import ContentWriter, whole
from pipeline.wire.document_intelligence.text_index import INDEXES
from pipeline.wire.document_intelligence.versions import Version

Json = dict[str, Any]


def envelope(
    status: Status,
    created: datetime,
    updated: datetime,
    result: Json | None = None,
    fault: ServiceFault | None = None,
) -> Json:
    """The answer to a poll; there is no result before the end, and none but after success."""
    body: Json = {
        "status": status,
        "createdDateTime": stamp(created),
        "lastUpdatedDateTime": stamp(updated),
    }
    if status == "succeeded" and result is not None:
        body["analyzeResult"] = result
    return body | ({"error": failure(fault)} if status == "failed" and fault else {})


# --- results ----------------------------------------------------------------------------------------


def layout_result(
    layout: Layout, version: Version, *, model_id: str, index: str, tables: bool = True
) -> Json:
    """Of `prebuilt-layout`, and, without tables, of `prebuilt-read`. Every line is a paragraph."""
    writer = _written(layout, version, index)
    body = _head(version, model_id, index) | {"content": writer.content, "pages": writer.pages}
    if tables:
        body["tables"] = writer.tables
    return body | {"paragraphs": writer.paragraphs, "styles": []}


def model_result(
    analysis: Analysis,
    version: Version,
    *,
    model_id: str,
    index: str,
    fields: Mapping[str, Sequence[FieldSpec]],
) -> Json:
    """Of a model. `fields`: those that are looked for in documents of a type."""
    writer = _written(analysis.layout, version, index)
    documents = [
        _document(document, analysis.layout, writer, fields.get(document.doc_type, ()))
        for document in analysis.documents
    ]
    return _head(version, model_id, index) | {
        "content": writer.content,
        "pages": writer.pages,
        "tables": writer.tables,
        "styles": [],
        "documents": documents,
    }


def classification(analysis: Analysis, version: Version, *, classifier_id: str, index: str) -> Json:
    """Of a classifier: the pages by their sizes alone, and each document that was found in the file."""
    layout = analysis.layout
    documents = [_place(document, layout) | {"spans": []} for document in analysis.documents]
    head = _head(version, classifier_id, index)
    return head | {"content": "", "pages": [_bare(page) for page in layout.pages], "documents": documents}


def _written(layout: Layout, version: Version, index: str) -> ContentWriter:
    writer = ContentWriter(version, INDEXES[index])
    writer.write(layout)
    return writer


def _head(version: Version, model_id: str, index: str) -> Json:
    head = {"apiVersion": version.name, "modelId": model_id, "stringIndexType": index}
    return head | ({"contentFormat": "text"} if version.content_format else {})


def _document(
    document: AnalyzedDocument, layout: Layout, writer: ContentWriter, fields: Sequence[FieldSpec]
) -> Json:
    held = range(document.first_page, document.last_page + 1)
    spans = [span for page in writer.pages if page["pageNumber"] in held for span in page["spans"]]
    place = _place(document, layout)
    return place | {"fields": fields_body(document.values, fields, writer), "spans": spans}


def _place(document: AnalyzedDocument, layout: Layout) -> Json:
    held = range(document.first_page, document.last_page + 1)
    return {
        "docType": document.doc_type,
        "boundingRegions": [whole(page) for page in layout.pages if page.number in held],
        "confidence": 1.0 if document.confidence is None else document.confidence,
    }


def _bare(page: Page) -> Json:
    size = {"width": page.width, "height": page.height, "unit": page.unit}
    return {"pageNumber": page.number} | size | {"spans": []}


# --- batches ----------------------------------------------------------------------------------------


def batch(
    result_id: str,
    status: Status,
    created: datetime,
    updated: datetime,
    items: Sequence[Json] | None = None,
    fault: ServiceFault | None = None,
) -> Json:
    """A batch; in a list without its items. One that failed as a whole has an error."""
    body: Json = {
        "resultId": result_id,
        "status": status,
        "createdDateTime": stamp(created),
        "lastUpdatedDateTime": stamp(updated),
    }
    if items is not None:
        body["percentCompleted"] = _percent(status, items)
        body["result"] = _counts(items) | {"details": list(items)}
    return body | ({"error": failure(fault)} if status == "failed" and fault else {})


def _percent(status: Status, items: Sequence[Json]) -> int:
    if status in ("succeeded", "failed"):
        return 100
    ended = sum(_counts(items).values())
    return 99 * ended // len(items) if items else 0


def _counts(items: Sequence[Json]) -> Json:
    kinds = ("succeeded", "failed", "skipped")
    return {f"{kind}Count": sum(item["status"] == kind for item in items) for kind in kinds}


def batch_item(item: BatchItem, source_url: str, result_url: str) -> Json:
    """One file. Only what succeeded has a result."""
    body: Json = {"status": item.state, "sourceUrl": source_url}
    if item.state == "succeeded":
        body["resultUrl"] = result_url
    return body | ({"error": item_error(item.fault)} if item.fault else {})

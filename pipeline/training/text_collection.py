"""Read the labelled texts of a training folder, one at a time: only facts about them are kept."""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import sha256

from pipeline.errors import DocumentError, FormpipeError
from pipeline.formats.offsets import aligned
from pipeline.reading.plain import plain_text
from pipeline.texts import ProjectDocument, TextProject
from pipeline.training.collection import MAX_BYTES, Collector, unusable
from pipeline.training.fingerprint import text_label_digest
from pipeline.training.layouts import ReadLayout
from pipeline.training.listing import Listing
from pipeline.training.records import TrainingDocument
from pipeline.training.text_projects import Placed
from pipeline.types import Blob, Finding


@dataclass(frozen=True, slots=True)
class TextCollector:
    """Reads the documents of a project. `collector` reads the layouts of those that are no plain text."""

    collector: Collector
    listing: Listing
    findings: list[Finding] = field(default_factory=list)

    def collect(self, placed: Placed) -> list[TrainingDocument]:
        """The documents that can be learned from; what is wrong with the others is in `findings`."""
        documents = []
        for document in placed.project.documents:
            blob = placed.blobs[document.location]
            try:
                documents.append(self._document(blob, document, placed.project))
            except FormpipeError as error:
                self.findings.append(unusable(blob, error))
        return documents

    def _document(self, blob: Blob, document: ProjectDocument, project: TextProject) -> TrainingDocument:
        if blob.size > MAX_BYTES:
            raise DocumentError("The file is larger than 500 MB.", reason="file-too-large")
        content = self.collector.storage.read(self.collector.container, blob.path, blob.etag)
        text, digest = plain_text(content), sha256(content).hexdigest()
        del content
        read = ReadLayout("missing") if text is not None else self._layout(blob, digest)
        known = text if read.layout is None else read.layout.text
        if known is not None and not known.strip():
            raise DocumentError("There is no text in it.", reason="empty-text")
        if known is not None:
            self.findings.extend(aligned(document, known, project.index_type)[1])
        return TrainingDocument(
            blob.path,
            blob.etag,
            blob.size,
            digest,
            label_digest=text_label_digest(document, project.index_type),
            layout=read.state,
            layout_digest=read.digest,
            layout_version=read.version,
            layout_maker=read.maker,
            pages=None if read.layout is None else read.layout.page_count,
            is_text=text is not None,
        )

    def _layout(self, blob: Blob, digest: str) -> ReadLayout:
        return self.collector.layout(blob, digest, self.listing, self.findings)

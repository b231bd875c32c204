"""What an inspection of a training folder gives: frozen records, as workers and commands take them."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import Literal

from pipeline.formats.labels_json import LabelsFormat
from pipeline.texts import TextProject
from pipeline.types import FieldSpec, Finding, Label

LayoutFile = Literal["missing", "given", "made", "unreadable"]
"""The `.ocr.json` of a document: none (or one we made of another content), the user's, ours, no layout."""


@dataclass(frozen=True, slots=True)
class MovedFrom:
    """Where a document lies that a person moved to a form type; `pages`: those of its blob that it is."""

    container: str
    path: str
    pages: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class TrainingDocument:
    """One document of a training folder.

    `digest` and `label_digest` are SHA-256 of content and of labels; `labels` is None without a readable
    label file. `layout_digest` is that of the user's own `.ocr.json`, empty where we make the layout.
    `pages` are those of the layout, None where there is none. `is_text`: it is plain text, and has no layout.
    `moved`: a person moved it, and it lies in the backlog of the router.
    """

    path: str
    etag: str
    size: int
    digest: str
    labels: tuple[Label, ...] | None = None
    label_digest: str = ""
    layout: LayoutFile = "missing"
    layout_digest: str = ""
    layout_version: str = ""
    layout_maker: str = "local"
    pages: int | None = None
    labels_format: LabelsFormat = "v2"
    is_text: bool = False
    moved: MovedFrom | None = None

    @property
    def labelled(self) -> bool:
        return bool(self.labels)

    @property
    def has_layout(self) -> bool:
        return self.layout in ("given", "made")

    @property
    def layout_path(self) -> str:
        return f"{self.path}.ocr.json"

    @property
    def identity(self) -> str:
        """Hash of content and labels: the same form in another folder, or under another name."""
        return sha256(f"{self.digest}\n{self.label_digest}".encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class TrainingFolder:
    """A training folder as it was found. `documents` are all of them, `trained` those learned from: one of
    each content, with labels where label files are used, and without those whose layout is unreadable.
    `project`: of a folder of texts, their categories and labels, its locations being paths of blobs."""

    container: str
    prefix: str
    use_labels: bool
    documents: tuple[TrainingDocument, ...]
    trained: tuple[TrainingDocument, ...]
    fields: tuple[FieldSpec, ...]
    fingerprint: str
    findings: tuple[Finding, ...] = ()
    project: TextProject | None = None

    @property
    def errors(self) -> tuple[Finding, ...]:
        return tuple(finding for finding in self.findings if finding.severity == "error")

    @property
    def manifest(self) -> tuple[tuple[str, str], ...]:
        """Shortened (content, label) digests of what is learned from, for telling two sets apart."""
        return tuple(sorted((form.digest[:16], form.label_digest[:16]) for form in self.trained))

"""The project of a folder of texts: a project file found by its content, or one sub-folder per class."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from pipeline.errors import FormpipeError, RowError
from pipeline.formats.project_files import find_project
from pipeline.formats.project_json import project_from_json
from pipeline.ports import Storage
from pipeline.texts import ProjectDocument, TextKind, TextProject
from pipeline.training.listing import Listing, base_name
from pipeline.types import Blob, Finding

_LARGEST = 200 * 2**20
_NAMED = 3


@dataclass(frozen=True, slots=True)
class Placed:
    """A project whose documents are named by their blob paths, and the blob of each that is there. `file` is
    the path of the project file, empty where sub-folders are the labels."""

    project: TextProject
    blobs: Mapping[str, Blob]
    file: str = ""


@dataclass(frozen=True, slots=True)
class Folder:
    """A training folder of texts: where it is, and what is in it. `by_folder`: without a project file, the
    name of the sub-folder that a text lies in is its class."""

    storage: Storage
    container: str
    prefix: str
    listing: Listing
    by_folder: bool

    def place(self, kind: TextKind, findings: list[Finding]) -> Placed | None:
        """The project of the folder, None where it has none of this kind. What is wrong is added to
        `findings`."""
        where = f"{self.container}/{self.prefix}"
        try:
            file, content = find_project(self._json_files(findings))
        except RowError as error:
            return self._without_project(kind, error, where, findings)
        try:
            project, faults = project_from_json(content)
        except RowError as error:
            findings.append(Finding("error", error.reason, where, str(error)))
            return None
        findings.extend(faults)
        if project.kind != kind:
            message = (
                f"The project file is one of {project.kind}: set model_kind to {project.kind}, or change it."
            )
            findings.append(Finding("error", "project-of-other-kind", file, message))
            return None
        return self._beside(file, project, findings)

    def documents(self, placed: Placed) -> Sequence[Blob]:
        """What may be a document and is not named in the project."""
        return [
            blob
            for blob in self.listing.others
            if blob.path not in placed.blobs and not _is_json(blob) and blob.path != placed.file
        ]

    def _without_project(
        self, kind: TextKind, error: RowError, where: str, findings: list[Finding]
    ) -> Placed | None:
        """Sub-folders say it as well, where they may; a file that should perhaps have said it is told."""
        by_folders = self.by_folder and error.reason != "project-ambiguous"
        placed = self._by_folders() if by_folders else None
        if placed is None:
            told = f"{error}{self._hint(kind) if error.reason == 'project-missing' else ''}"
            findings.append(Finding("error", error.reason, where, told))
        elif error.reason == "project-unreadable":
            told = f"{error} Until then each sub-folder is a class."
            findings.append(Finding("warning", error.reason, where, told))
        return placed

    def _hint(self, kind: TextKind) -> str:
        """What else may be meant by a folder without a project file."""
        if self.listing.others:
            return ""
        paths = [blob.path for blob in self.storage.list(self.container, self.prefix, recursive=True)]
        inside = {path.removeprefix(self.prefix).partition("/")[0] for path in paths}
        if not paths:
            return " There is no file at all: is training_blob_root_folder the right one?"
        names = ", ".join(sorted(inside)[:_NAMED])
        if kind == "classes":
            return f" Or set include_subfolders, and each of its sub-folders ({names}) is a class."
        return f" All files lie in sub-folders ({names}): set include_subfolders."

    def _json_files(self, findings: list[Finding]) -> Iterator[tuple[str, bytes]]:
        for blob in self.listing.others:
            if _is_json(blob) and blob.size <= _LARGEST:
                try:
                    yield blob.path, self.storage.read(self.container, blob.path, blob.etag)
                except FormpipeError as error:
                    message = f"{error}. The next run looks again."
                    findings.append(Finding("error", error.reason, blob.path, message))

    def _beside(self, file: str, project: TextProject, findings: list[Finding]) -> Placed:
        """Locations count from the folder of the file, or, as the service has them, from the container."""
        there = {blob.path: blob for blob in self.listing.others}
        folder = file.removesuffix(base_name(file))
        documents: dict[str, ProjectDocument] = {}
        missing = []
        for document in project.documents:
            places = (f"{folder}{document.location}", document.location)
            path = next((place for place in places if place in there), None)
            if path is None:
                missing.append(document.location)
            elif path not in documents:
                documents[path] = replace(document, location=path)
        if missing:
            findings.append(_missing(file, missing))
        blobs = {path: there[path] for path in documents}
        return Placed(replace(project, documents=tuple(documents.values())), blobs, file)

    def _by_folders(self) -> Placed | None:
        """A class for each sub-folder; what lies in none of them has no class."""
        documents, blobs = [], {}
        for blob in self.listing.others:
            name, slash, _ = blob.path.removeprefix(self.prefix).partition("/")
            if slash and not _is_json(blob):
                documents.append(ProjectDocument(blob.path, classes=(name,)))
                blobs[blob.path] = blob
        classes = tuple(sorted({document.classes[0] for document in documents}))
        if not classes:
            return None
        return Placed(TextProject("classes", classes, tuple(documents)), blobs)


def _is_json(blob: Blob) -> bool:
    return blob.path.lower().endswith(".json")


def _missing(file: str, missing: Sequence[str]) -> Finding:
    more = f" and {len(missing) - _NAMED} more" if len(missing) > _NAMED else ""
    deeper = (
        " Set include_subfolders where they lie in sub-folders." if any("/" in m for m in missing) else ""
    )
    message = (
        f"{len(missing)} of its documents are not there: {', '.join(missing[:_NAMED])}{more}. Upload them "
        f"beside it under these very names, or leave them out of the file.{deeper}"
    )
    return Finding("warning", "documents-missing", file, message)

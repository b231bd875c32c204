"""A folder as a storage account: its sub-folders are the containers."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pipeline.errors import AttemptError, DocumentError, RowError
from pipeline.remote import ContainerLink
from pipeline.types import Blob

_PARTIAL = ".formpipe-partial"


class FolderStorage:
    """Containers are folders under `root`. The ETag of a file is made of its size and time of change."""

    def __init__(self, root: Path) -> None:
        self._root = root

    @property
    def account(self) -> str:
        return ""

    def list(self, container: str, prefix: str = "", *, recursive: bool = True) -> Iterator[Blob]:
        base = self._container(container)
        if not base.is_dir():
            raise RowError(
                f"there is no container {container!r}: create the folder {base} or mend the row",
                reason="container-missing",
            )
        start = self._inside(base, prefix)
        return _walk(start, prefix, recursive) if start.is_dir() else iter(())

    def read(self, container: str, path: str, etag: str | None = None) -> bytes:
        file = self._inside(self._container(container), path)
        try:
            with file.open("rb") as stream:
                if etag is not None and _etag(os.fstat(stream.fileno())) != etag:
                    raise AttemptError("the file changed after it was listed", reason="blob-changed")
                return stream.read()
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
            raise DocumentError("the file is no longer there", reason="blob-gone") from None
        except OSError as error:
            raise AttemptError(
                f"the file cannot be read: {error.strerror}", reason="blob-unreadable"
            ) from None

    def write(self, container: str, path: str, content: bytes) -> None:
        file = self._inside(self._container(container), path)
        partial = file.with_name(f".{secrets.token_hex(8)}{_PARTIAL}")
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            partial.write_bytes(content)
            partial.replace(file)
        except OSError as error:
            partial.unlink(missing_ok=True)
            raise RowError(
                f"cannot write into container {container!r}: {error.strerror}", reason="storage-not-writable"
            ) from None

    def delete(self, container: str, path: str) -> None:
        file = self._inside(self._container(container), path)
        try:
            file.unlink(missing_ok=True)
        except (IsADirectoryError, NotADirectoryError):
            return
        except OSError as error:
            raise RowError(
                f"cannot delete from container {container!r}: {error.strerror}", reason="storage-not-writable"
            ) from None

    def link(self, container: str, *, permissions: str, lifetime: timedelta) -> ContainerLink:
        raise RowError(
            f"a service in the cloud cannot read the folder of container {container!r} on this machine: "
            'train from a storage account (storage = "azure-blob" in formpipe.toml)',
            reason="storage-not-reachable",
        )

    def _container(self, container: str) -> Path:
        return self._inside(self._root, container)

    @staticmethod
    def _inside(base: Path, path: str) -> Path:
        """`base/path`; raises DocumentError for a path that would leave `base`, by `..` or by a link."""
        target = base / path
        parts = path.split("/")
        if path.startswith("/") or ".." in parts or "\0" in path or not _nameable(path):
            raise DocumentError("the path leaves its container", reason="unsafe-path")
        try:
            leaves = target.exists() and _leaves(target, base)
        except OSError:
            raise DocumentError("no file can have this path: it is too long", reason="unsafe-path") from None
        if leaves:
            raise DocumentError("the path leaves its container by a link", reason="unsafe-path")
        return target


def _leaves(target: Path, base: Path) -> bool:
    """Whether a path below `base` leads out of it; one without any link does not."""
    real = os.path.realpath(target)
    return real != str(target) and not Path(real).is_relative_to(base.resolve())


def _nameable(path: str) -> bool:
    """Whether it is text that a file can be named by; half a surrogate pair is none."""
    try:
        os.fsencode(path)
    except UnicodeEncodeError:
        return False
    return True


def _walk(folder: Path, prefix: str, recursive: bool) -> Iterator[Blob]:
    with os.scandir(folder) as entries:
        ordered = sorted(entries, key=_blob_order, reverse=True)
    while ordered:
        entry = ordered.pop()  # it would keep what is asked of it
        if entry.is_dir():
            if recursive and not entry.is_symlink():
                yield from _walk(Path(entry.path), f"{prefix}{_name(entry)}/", recursive)
        elif not entry.name.endswith(_PARTIAL):
            yield from _blob(entry, prefix)


def _name(entry: os.DirEntry[str]) -> str:
    """The name as text; bytes that are no UTF-8 are shown as escapes, and reading such a file fails."""
    return os.fsencode(entry.name).decode(errors="backslashreplace")


def _blob_order(entry: os.DirEntry[str]) -> str:
    """The order in which a blob service lists: a folder sorts as its name with the slash."""
    return f"{entry.name}/" if entry.is_dir(follow_symlinks=False) else entry.name


def _blob(entry: os.DirEntry[str], prefix: str) -> Iterator[Blob]:
    try:
        stat = entry.stat()
    except FileNotFoundError:
        return
    modified = datetime.fromtimestamp(stat.st_mtime, UTC)
    yield Blob(f"{prefix}{_name(entry)}", _etag(stat), stat.st_size, modified)


def _etag(stat: os.stat_result) -> str:
    return f"{stat.st_size:x}-{stat.st_mtime_ns:x}"

"""Secrets from a `.env` file."""

from __future__ import annotations

from collections.abc import Mapping
from io import StringIO
from pathlib import Path

from dotenv import dotenv_values
from pydantic import SecretStr

from pipeline.errors import RowError
from pipeline.secrets.environment import find_in, names_of


class DotenvSecrets:
    """One file, read again at each question: it is small, and may have been changed. It need not be there.
    Values are taken as they are written: `$` is no reference to another one."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def find(self, name: str) -> SecretStr | None:
        """Raises RowError `dotenv-unreadable`."""
        return find_in(self._variables() or {}, name)

    def looked_in(self, name: str) -> str:
        return str(self._file) if self._content() is not None else f"{self._file} (no such file)"

    def to_set(self, name: str) -> str:
        return f"a line {names_of(name)[-1]}=... in {self._file}"

    def _variables(self) -> Mapping[str, str | None] | None:
        content = self._content()
        if content is None:
            return None
        text = _text(content)
        if text is None:
            raise RowError(f"{self._file} is not UTF-8: save it as such", reason="dotenv-unreadable")
        return dotenv_values(stream=StringIO(text), interpolate=False)

    def _content(self) -> bytes | None:
        try:
            return self._file.read_bytes()
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            return None  # a folder of that name is somebody's virtual environment
        except OSError as error:
            told = f"{self._file} cannot be read ({error.strerror}): let this user read it, or move it away"
            raise RowError(told, reason="dotenv-unreadable") from None


def _text(content: bytes) -> str | None:
    """None for what is no UTF-8; the error is not handed on, it holds the content."""
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return None

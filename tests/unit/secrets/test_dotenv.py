"""Secrets from a `.env` file, as people write it."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import RowError
from pipeline.secrets.dotenv import DotenvSecrets

NAME = "StorageAccountSasKey"
PASTED = st.text(
    "abcXYZ019+/=?&%$#:;.,_~!*-@(){}|<>^", min_size=1, max_size=60
)  # of keys, SAS, connection strings, URLs


def found(content: str | bytes, name: str = NAME) -> str | None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / ".env"
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        value = DotenvSecrets(file).find(name)
    return None if value is None else value.get_secret_value()


@pytest.mark.parametrize(
    "line",
    [
        'STORAGE_ACCOUNT_SAS_KEY="?sp=rl&sig=a%2Fb$c=="',
        "StorageAccountSasKey=?sp=rl&sig=a%2Fb$c==",
        "export STORAGE_ACCOUNT_SAS_KEY='?sp=rl&sig=a%2Fb$c=='  # until June",
        "storage_account_sas_key = ?sp=rl&sig=a%2Fb$c== ",
        "\r\nSTORAGE_ACCOUNT_SAS_KEY=?sp=rl&sig=a%2Fb$c==\r\n",
    ],
)
def test_a_line_however_it_is_written(line: str) -> None:
    assert found(line) == "?sp=rl&sig=a%2Fb$c=="


def test_a_mark_at_the_beginning_of_the_file_belongs_to_no_name() -> None:
    assert found(b"\xef\xbb\xbfStorageAccountSasKey=canary") == "canary"


@given(PASTED)
def test_a_pasted_value_comes_back_as_it_was(value: str) -> None:
    assert found(f"OTHER=x\n{NAME}={value}\n") == value
    assert found(f"{NAME}='{value}'\n") == value


@pytest.mark.parametrize("content", ["", "STORAGE_ACCOUNT_SAS_KEY=", "STORAGE_ACCOUNT_SAS_KEY", "a b c"])
def test_a_file_without_the_value(content: str) -> None:
    assert found(content) is None


def test_no_file_and_a_folder_of_that_name_are_a_miss(tmp_path: Path) -> None:
    secrets = DotenvSecrets(tmp_path / ".env")
    assert secrets.find(NAME) is None
    (tmp_path / ".env").mkdir()
    assert secrets.find(NAME) is None
    assert secrets.looked_in(NAME) == f"{tmp_path / '.env'} (no such file)"
    assert DotenvSecrets(tmp_path / ".env" / "x" / ".env").find(NAME) is None


def test_the_file_is_read_as_it_is_now(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    secrets = DotenvSecrets(file)
    for value in ("one", "two"):
        file.write_text(f"{NAME}={value}\n")
        read = secrets.find(NAME)
        assert read is not None and read.get_secret_value() == value


def test_a_file_that_is_no_text_is_named_and_not_shown(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_bytes(f"{NAME}=canary-ä\n".encode("utf-16"))  # as PowerShell's > writes it
    with pytest.raises(RowError, match="UTF-8") as caught:
        DotenvSecrets(file).find(NAME)
    assert caught.value.reason == "dotenv-unreadable"
    assert caught.value.__context__ is None


def test_a_file_that_may_not_be_read_is_no_miss(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(self: Path) -> bytes:
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "read_bytes", refused)
    with pytest.raises(RowError, match="Permission denied") as caught:
        DotenvSecrets(tmp_path / ".env").find(NAME)
    assert caught.value.reason == "dotenv-unreadable"

"""Typed settings from the environment (`FORMPIPE_…`) and `formpipe.toml`, of the current folder or the
nearest one above it. Holds no secret but what a database URL may carry, which is never shown."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterable, Mapping
from decimal import Decimal
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, SecretStr, ValidationError
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from pipeline.errors import RunError
from pipeline.rates import read_rates

CONFIG_FILE = "formpipe.toml"
_PREFIX = "FORMPIPE_"
_OF_TESTS = "FORMPIPE_TEST_"


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Settings(BaseSettings):
    """What a run needs to know about this machine. Every value has a default that works on a laptop."""

    model_config = SettingsConfigDict(env_prefix=_PREFIX, env_ignore_empty=True, extra="forbid")

    database_url: SecretStr = SecretStr("sqlite:///formpipe.db")
    database_auth: Literal["password", "entra-token"] = "password"
    database_password_secret: str | None = None
    storage: Literal["folder", "azure-blob"] = "folder"
    storage_root: Path = Path("data")
    dotenv_file: Path = Path(".env")
    databricks_secret_scope: str | None = None
    key_vault_url: str | None = None
    cosmos_endpoint: str | None = None
    cosmos_key_secret: str = "CosmosKey"
    cosmos_database: str = "formpipe"
    cosmos_container: str = "documents"
    jsonl_folder: Path = Path("jsonl")
    executor: Literal["local", "spark"] = "local"
    spark_master: str | None = None
    spark_storage_shared: bool = False
    workers: Annotated[int, Field(ge=1, le=256)] = Field(default_factory=_cores)
    read_timeout_seconds: Annotated[float, Field(gt=0)] = 120.0
    reader_memory_mb: Annotated[int, Field(ge=256)] = 1000
    documents_per_reader: Annotated[int, Field(ge=1)] = 500
    training_timeout_seconds: Annotated[float, Field(gt=0)] = 3600.0
    training_memory_mb: Annotated[int, Field(ge=256)] = 4000
    service_tier: Literal["F0", "S0"] = "S0"
    service_rates: Annotated[dict[str, float], NoDecode, BeforeValidator(read_rates)] = {}
    service_retry_seconds: Annotated[float, Field(gt=0)] = 120.0
    operation_timeout_seconds: Annotated[float, Field(gt=0)] = 1800.0
    poll_seconds: Annotated[float, Field(ge=0.05, le=60)] = 2.0
    max_pages: Annotated[int, Field(ge=1)] = 500
    run_max_pages: Annotated[int | None, Field(ge=1)] = None
    run_max_cost: Annotated[Decimal | None, Field(ge=0, allow_inf_nan=False)] = None
    run_max_train_runs: Annotated[int | None, Field(ge=0)] = None
    run_max_minutes: Annotated[float | None, Field(gt=0, le=525_600)] = None
    render_dpi: Annotated[int, Field(ge=72, le=600)] = 150
    min_confidence: Annotated[float, Field(ge=0, le=1)] = 0.5
    batch_documents: Annotated[int, Field(ge=1, le=1000)] = 25
    lease_seconds: Annotated[float, Field(ge=1)] = 60.0
    retry_delay_seconds: Annotated[float, Field(ge=0)] = 60.0
    grace_seconds: Annotated[float, Field(ge=0)] = 30.0
    prometheus_file: Path | None = None
    log_level: Literal["debug", "info", "warning", "error"] = "info"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        file = _current_file()
        stated = _stated(file, settings_cls) if file else {}
        return (init_settings, env_settings, InitSettingsSource(settings_cls, stated))


def load_settings(**overrides: object) -> Settings:
    """The settings of this process: `overrides`, else the environment, else the file, else the defaults.
    Raises RunError that names every wrong one and every one that does not exist, without its value."""
    faults = [_unknown(name, _PREFIX) for name in _unknown_variables(os.environ)]
    try:
        settings = Settings(**overrides)  # type: ignore[arg-type]
    except ValidationError as error:
        faults += [_told(str(each["loc"][0]), each["type"], each["msg"]) for each in error.errors()]
    except (OSError, ValueError) as error:
        raise RunError(f"{_current_file()} cannot be read: {error}", reason="settings") from None
    if faults:
        places = f"{_current_file() or CONFIG_FILE} or the {_PREFIX} variables"
        raise RunError(f"wrong settings ({'; '.join(faults)}): mend {places}", reason="settings")
    return settings


def config_file(folder: Path) -> Path | None:
    """The formpipe.toml of this folder or of the nearest folder above it that has one."""
    files = (each / CONFIG_FILE for each in (folder, *folder.parents))
    # Path.is_file raises where a folder may not be looked into
    return next((file for file in files if os.path.isfile(file)), None)  # noqa: PTH113


def _current_file() -> Path | None:
    try:
        return config_file(Path.cwd())
    except FileNotFoundError:  # the current folder was removed
        return None


def _stated(file: Path, settings: type[BaseSettings]) -> dict[str, object]:
    """What a file says, its paths made relative to its own folder; so are the defaults beside a file."""
    content: dict[str, object] = tomllib.loads(file.read_text(encoding="utf-8"))
    fields = settings.model_fields
    for name in ("storage_root", "dotenv_file", "jsonl_folder", "prometheus_file"):
        root = content.get(name, fields[name].default)
        if isinstance(root, str | Path):
            content[name] = file.parent / root
    url = content.get("database_url", fields["database_url"].default.get_secret_value())
    content["database_url"] = _from_folder(url, file.parent) if isinstance(url, str) else url
    return content


def _from_folder(url: str, folder: Path) -> str:
    """The URL with the file of a SQLite database taken from a folder. In-memory databases, `file:` URIs
    and what is no URL stay as they are."""
    try:
        parsed = make_url(url)
    except ArgumentError:
        return url
    name = parsed.database
    if parsed.get_backend_name() != "sqlite" or not name or name == ":memory:" or name.startswith("file:"):
        return url
    return parsed.set(database=str(folder / name)).render_as_string(hide_password=False)


def _unknown_variables(environment: Mapping[str, str]) -> list[str]:
    names = sorted(name for name in environment if name.upper().startswith(_PREFIX))
    known = {_PREFIX + name.upper() for name in Settings.model_fields}
    return [name for name in names if name.upper() not in known and not name.upper().startswith(_OF_TESTS)]


def _told(name: str, kind: str, message: str) -> str:
    return _unknown(name) if kind == "extra_forbidden" else f"{name}: {message}"


def _unknown(name: str, prefix: str = "") -> str:
    """`prefix` stands before the names of settings where this one was found."""
    choices: Iterable[str] = Settings.model_fields
    near = get_close_matches(name.lower().removeprefix(prefix.lower()), choices, 1)
    shown = prefix + near[0].upper() if near and prefix else "".join(near)
    return f"there is no setting {name}" + (f": did you mean {shown}?" if near else "")

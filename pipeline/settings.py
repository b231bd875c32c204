"""Typed settings from the environment (`FORMPIPE_…`) and `formpipe.toml`. Holds no secret but what a
database URL may carry, which is never shown."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from pipeline.errors import RunError

CONFIG_FILE = "formpipe.toml"


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Settings(BaseSettings):
    """What a run needs to know about this machine. Every value has a default that works on a laptop."""

    model_config = SettingsConfigDict(env_prefix="FORMPIPE_", toml_file=CONFIG_FILE, extra="forbid")

    database_url: SecretStr = SecretStr("sqlite:///formpipe.db")
    storage_root: Path = Path("data")
    workers: Annotated[int, Field(ge=1, le=256)] = Field(default_factory=_cores)
    read_timeout_seconds: Annotated[float, Field(gt=0)] = 120.0
    reader_memory_mb: Annotated[int, Field(ge=256)] = 1000
    documents_per_reader: Annotated[int, Field(ge=1)] = 500
    training_timeout_seconds: Annotated[float, Field(gt=0)] = 3600.0
    training_memory_mb: Annotated[int, Field(ge=256)] = 4000
    max_pages: Annotated[int, Field(ge=1)] = 500
    render_dpi: Annotated[int, Field(ge=72, le=600)] = 150
    min_confidence: Annotated[float, Field(ge=0, le=1)] = 0.5
    batch_documents: Annotated[int, Field(ge=1, le=1000)] = 25
    lease_seconds: Annotated[float, Field(ge=1)] = 60.0
    retry_delay_seconds: Annotated[float, Field(ge=0)] = 60.0
    grace_seconds: Annotated[float, Field(ge=0)] = 30.0
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
        return (init_settings, env_settings, TomlConfigSettingsSource(settings_cls))


def load_settings(**overrides: object) -> Settings:
    """The settings of this process. Raises RunError that names every wrong one, without its value."""
    try:
        return Settings(**overrides)  # type: ignore[arg-type]
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise RunError(
            f"wrong settings ({faults}): mend {CONFIG_FILE} or the FORMPIPE_ variables", reason="settings"
        ) from None
    except ValueError as error:
        raise RunError(f"{CONFIG_FILE} cannot be read: {error}", reason="settings") from None

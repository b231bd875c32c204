"""Settings to live objects: the only place that knows which adapter stands behind which port."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Engine

from pipeline.db import schema
from pipeline.db.connection import open_database
from pipeline.ports import Storage
from pipeline.services import Service, load_services
from pipeline.settings import Settings, load_settings
from pipeline.storage.folder import FolderStorage


@dataclass(frozen=True, slots=True)
class App:
    """What every command works with."""

    settings: Settings
    database: Engine
    storage: Storage
    services: Mapping[str, Service]


def open_app(settings: Settings | None = None, *, upgrade: bool = False) -> App:
    """Open the database and storage of the settings. Raises RunError where the schema is not current,
    unless `upgrade` may bring it there."""
    settings = settings or load_settings()
    database = open_database(settings.database_url.get_secret_value())
    if upgrade:
        schema.upgrade(database)
    else:
        schema.require_current(database)
    return App(settings, database, FolderStorage(settings.storage_root), load_services())

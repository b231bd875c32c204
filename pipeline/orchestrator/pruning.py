"""Delete the models of groups that nobody needs: each settled in the registry before the service is asked,
and forgotten after it answered."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import cast

from sqlalchemy import Connection, Engine

from pipeline.db.connection import reading
from pipeline.errors import FormpipeError
from pipeline.orchestrator.leasing import LeaseTerms, group_lease, held
from pipeline.orchestrator.service_access import LANGUAGE, LOCAL, EngineOf
from pipeline.orchestrator.text_training import PREVIEWS, project_name
from pipeline.ports import RemoteEngine, TextService
from pipeline.texts import TextModelId
from pipeline.training.janitor import Prunable, begin_removal, end_removal, find_prunable
from pipeline.types import FormType, ModelVersion


@dataclass(frozen=True, slots=True)
class Removal:
    """What became of one model that was to go: `error` where it is still there."""

    version: ModelVersion
    error: FormpipeError | None = None


def look(database: Engine, groups: Sequence[Sequence[FormType]]) -> tuple[Prunable, ...]:
    """What may go of these groups, each given by all its rows."""
    with reading(database) as connection:
        return tuple(
            each for rows in groups for each in find_prunable(connection, rows[0].group, keep_of(rows))
        )


def keep_of(rows: Sequence[FormType]) -> int:
    """Rows of one group may keep different numbers of versions: the largest wins."""
    return max(row.keep_versions for row in rows)


def prune_group(
    database: Engine,
    rows: Sequence[FormType],
    chosen: Sequence[Prunable],
    engine_of: EngineOf,
    terms: LeaseTerms,
) -> Iterator[Removal]:
    """Delete what was chosen of a group and may still go. One model that cannot be deleted costs only
    itself; while a run holds the group, all of them stay (`held-elsewhere`)."""
    try:
        with held(database, group_lease(rows[0].group), terms) as guard:
            for each in chosen:
                if (removal := _remove(database, rows, each.version, engine_of, guard)) is not None:
                    yield removal
    except FormpipeError as error:
        yield from (Removal(each.version, error) for each in chosen)


def _remove(
    database: Engine,
    rows: Sequence[FormType],
    version: ModelVersion,
    engine_of: EngineOf,
    guard: Callable[[Connection], None],
) -> Removal | None:
    """The call to the service lies between two transactions: a lock is not held while it takes its time."""
    try:
        with database.begin() as connection:
            guard(connection)
            if not begin_removal(connection, version.group, version.id, keep_of(rows)):
                return None
        if version.engine != LOCAL:
            _delete(engine_of(rows[0].secrets, version.engine, version.api_version), version)
        with database.begin() as connection:
            guard(connection)
            end_removal(connection, version)
    except FormpipeError as error:
        return Removal(version, error)
    return Removal(version)


def _delete(client: RemoteEngine | TextService, version: ModelVersion) -> None:
    """Delete a version's model. Of a project that was not made for this version only what the row named: the
    rest of it is somebody else's."""
    if version.engine != LANGUAGE:
        cast(RemoteEngine, client).delete_model(version.service_model_id)
        return
    texts, model = cast(TextService, client), TextModelId.parse(version.service_model_id)
    if model is not None and model.project == project_name(version):
        texts.delete_project(model.project)
    elif model is not None and version.api_version not in PREVIEWS:
        texts.delete_deployment(model.project, model.deployment)

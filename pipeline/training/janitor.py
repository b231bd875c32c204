"""Which models nobody needs any more, and their removal: on the service, and in the registry."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from pipeline.db import models
from pipeline.ports import RemoteEngine
from pipeline.types import ModelVersion

DELETED = "its model was deleted by `formpipe models prune`"


@dataclass(frozen=True, slots=True)
class Prunable:
    """A version whose model may go, and why. `shared`: other versions use the same model, which stays."""

    version: ModelVersion
    why: str
    shared: bool = False


def spared(versions: Sequence[ModelVersion], keep: int) -> frozenset[int]:
    """The versions of a group whose models stay: the newest `keep`, the active one, and the one that a
    rollback would return to."""
    finished = [v for v in versions if v.state in ("candidate", "active", "retired")]
    newest = sorted(finished, key=lambda version: version.version)[-keep:]
    retired = [v for v in finished if v.state == "retired" and v.promoted_at is not None]
    back = max(retired, key=lambda v: (v.promoted_at, v.version), default=None)
    active = [v for v in finished if v.state == "active"]
    return frozenset(v.id for v in [*newest, *active, *([back] if back else [])])


def prunable(
    versions: Sequence[ModelVersion], keep: int, in_use: Collection[str | None] = ()
) -> tuple[Prunable, ...]:
    """The versions of a group that are invalid, or retired beyond `keep`, and still have a model.

    `in_use`: model ids that rows carry; such a model stays whatever its version says.
    """
    stay = spared(versions, keep)
    held = {v.service_model_id for v in versions if v.id in stay} | {name for name in in_use if name}
    found = []
    for version in versions:
        why = _why(version, keep)
        if why and version.id not in stay and version.service_model_id:
            found.append(Prunable(version, why, version.service_model_id in held))
    return tuple(found)


def _why(version: ModelVersion, keep: int) -> str:
    if version.state == "invalid":
        return f"invalid: {version.reason or 'its training gave no model'}"
    return f"retired, and older than the newest {keep}" if version.state == "retired" else ""


def remove(
    connection: Connection, each: Prunable, engine_of: Callable[[ModelVersion], RemoteEngine | None]
) -> None:
    """Delete one model where it is kept, then forget it here. A model that the service no longer has is
    deleted already; where the service fails, nothing is forgotten. Raises RowError, AttemptError."""
    version = each.version
    engine = engine_of(version)
    if engine is not None and not each.shared:
        engine.delete_model(version.service_model_id)
    models.drop_bundles(connection, [version.id])
    models.forget_model(connection, version.id, DELETED)

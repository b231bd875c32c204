"""Which models nobody needs any more, and their removal: on the service, and in the registry."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from pipeline.db import models, operations
from pipeline.remote import Operation
from pipeline.texts import TextModelId
from pipeline.types import ModelVersion

DELETED = "its model was deleted by `formpipe models prune`"

_MODEL_URL = re.compile(r"/models/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})(?:[/?]|$)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Prunable:
    """A version whose model may go, and why."""

    version: ModelVersion
    why: str


def former(versions: Iterable[ModelVersion]) -> ModelVersion | None:
    """The version that a rollback returns to: of those that were in use, the one that was last."""
    retired = (version for version in versions if version.state == "retired")
    used = [(version.promoted_at, version.version, version) for version in retired if version.promoted_at]
    return max(used, key=lambda each: each[:2])[2] if used else None


def spared(versions: Sequence[ModelVersion], keep: int) -> frozenset[int]:
    """The versions of a group whose models stay: the newest `keep`, the active one, and the one that a
    rollback would return to."""
    finished = [v for v in versions if v.state in ("candidate", "active", "retired")]
    newest = sorted(finished, key=lambda version: version.version)[-keep:]
    back = former(finished)
    active = [v for v in finished if v.state == "active"]
    return frozenset(v.id for v in [*newest, *active, *([back] if back else [])])


def prunable(versions: Sequence[ModelVersion], keep: int, in_use: Iterable[str] = ()) -> tuple[Prunable, ...]:
    """The versions of a group that are invalid, or retired beyond `keep`, and still have a model.

    `in_use`: model ids that rows name or versions of other groups have; such a model stays, whatever its
    version says.
    """
    stay = spared(versions, keep)
    going = [v for v in versions if v.id not in stay and v.state in ("retired", "invalid")]
    gone = {v.id for v in going}
    held = {*in_use, *(v.service_model_id for v in versions if v.id not in gone)}
    return tuple(
        Prunable(version, _why(version, keep))
        for version in going
        if version.service_model_id and version.service_model_id not in held
    )


def _why(version: ModelVersion, keep: int) -> str:
    if version.state == "retired":
        return f"retired, and older than the newest {keep}"
    return f"invalid: {version.reason or 'its training gave no model'}"


def left_at_service(engine: str, trainings: Iterable[Operation]) -> str:
    """The id of the model that a training without a result may have left at a service, empty where there is
    none. Form Recognizer keeps invalid models, and they count (CONTRACTS 2.3): the URL of a training is its
    model's. Document Intelligence was told the id, which is the subject of the operation. Of Language it is
    the version's project."""
    for training in trainings:
        found = _MODEL_URL.search(training.url)
        if engine == "form-recognizer" and found:
            return found[1]
        if engine == "document-intelligence" and training.subject:
            return training.subject
        if engine == "language" and training.subject:
            return str(TextModelId(training.subject.partition(" ")[2], "none"))
    return ""


# --- removal: settled here before the service is asked, so that nobody takes up a model that is going -----


def find_prunable(connection: Connection, group: str, keep: int) -> tuple[Prunable, ...]:
    """What `prunable` says of a group as it stands now."""
    found = models.versions(connection, group)
    return prunable(found, keep, models.ids_in_use_beside(connection, group))


def begin_removal(connection: Connection, group: str, version_id: int, keep: int) -> bool:
    """Make a version unusable whose model is about to be deleted; False where it may no longer go. Cut off
    after this, the version is found again by the next `prune`."""
    found = {each.version.id: each.version for each in find_prunable(connection, group, keep)}
    version = found.get(version_id)
    if version is None:
        return False
    if version.state == "retired":
        reason = f"retired; {DELETED}"
        models.move(connection, version_id, "invalid", expected=("retired",), reason=reason)
    models.drop_bundles(connection, [version_id])
    return True


def end_removal(connection: Connection, version: ModelVersion) -> None:
    """The model is gone: the version stays listed and has none."""
    models.forget_model(connection, version.id, _told(version))


def _told(version: ModelVersion) -> str:
    reason = version.reason if version.state == "invalid" and version.reason else version.state
    return reason if DELETED in reason else f"{reason}; {DELETED}"


def note_left_behind(connection: Connection, version: ModelVersion) -> None:
    """Keep the id of what a training without a result left at a service, so that it can be deleted."""
    trainings = operations.trainings_of(connection, version.id)
    left = left_at_service(version.engine, trainings) if version.engine != "local" else ""
    if left and not version.service_model_id:
        models.move(connection, version.id, "invalid", expected=("invalid",), service_model_id=left)

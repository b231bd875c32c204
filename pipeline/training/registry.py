"""The life of a model version: training, candidate, active, retired. Every function works inside the
caller's transaction, so a version and the rows that use it change together or not at all."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from pipeline.db import models
from pipeline.db.models import NewVersion
from pipeline.errors import RowError
from pipeline.training.gate import Verdict, judge
from pipeline.training.janitor import former, note_left_behind, spared
from pipeline.training.records import TrainingFolder
from pipeline.types import (
    Evaluation,
    FieldSpec,
    FormType,
    ModelKind,
    ModelState,
    ModelVersion,
    Trained,
)

CREATE = "-1"
"""The `model_id` by which a row asks for a new model."""
INTERRUPTED = "interrupted: the program was ended while it trained"


def local_model_id(group: str, version: int) -> str:
    """The id of a model trained here, as rows carry it."""
    return f"local-{group}-v{version}"


def start_version(
    connection: Connection, form_type: FormType, folder: TrainingFolder, now: datetime
) -> ModelVersion:
    """Open the next version of a row's group in the state `training` and consume every `-1` of its rows.

    The caller holds the group's lease: a version that still trains was left by a killed process and
    becomes `invalid`. Of two callers without the lease one gets an IntegrityError.
    """
    end_interrupted(connection, form_type.group)
    number = models.next_version(connection, form_type.group)
    new = NewVersion(
        form_type.group,
        form_type.engine,
        form_type.api_version,
        form_type.model_kind,
        folder.fingerprint,
        folder.fields,
        len(folder.trained),
        folder.manifest,
    )
    model_id = local_model_id(form_type.group, number) if form_type.engine == "local" else ""
    version_id = models.insert_version(connection, new, number, model_id, now)
    _consume(connection, form_type.group)
    return get(connection, version_id)


def end_interrupted(connection: Connection, group: str) -> tuple[int, ...]:
    """Mark versions that a killed process left in `training` as invalid; their numbers. Only for the
    holder of the group's lease."""
    left = [version for version in models.versions(connection, group) if version.state == "training"]
    for version in left:
        fail(connection, version.id, INTERRUPTED)
    return tuple(version.version for version in left)


def finish(connection: Connection, version_id: int, trained: Trained) -> ModelVersion:
    """Store what was trained; the version is a candidate now. Raises RowError `training-superseded` where
    another run ended it meanwhile."""
    bundle = models.store_bundle(connection, trained.content) if trained.content is not None else None
    recorded = models.record_result(
        connection,
        version_id,
        fields=trained.fields,
        evaluation=trained.evaluation,
        bundle_sha256=bundle,
        training_documents=trained.forms,
        service_model_id=trained.model_id,
    )
    version = get(connection, version_id)
    if not recorded:
        raise RowError(
            f"version {version.version} of {version.group} is no longer in training: another run took over",
            reason="training-superseded",
        )
    return version


def settle(connection: Connection, version_id: int, *, by: str, now: datetime) -> Verdict:
    """Let the gate decide on a candidate, and carry the verdict out."""
    candidate = get(connection, version_id)
    current = models.active(connection, candidate.group)
    verdict = judge(
        candidate.evaluation,
        current.evaluation if current else None,
        current.version if current else None,
    )
    if verdict.promote:
        promote(connection, version_id, by=by, now=now, reason=verdict.reason)
    else:
        refuse(connection, version_id, verdict.reason)
    return verdict


def fail(connection: Connection, version_id: int, reason: str) -> None:
    """Note that a training gave no model, and what it left at a service. The next run tries again."""
    if models.move(connection, version_id, "invalid", expected=("training",), reason=reason):
        note_left_behind(connection, get(connection, version_id))


def refuse(connection: Connection, version_id: int, reason: str) -> None:
    """Leave a candidate what it is and note why; its fingerprint is not trained again."""
    models.move(connection, version_id, "candidate", expected=("candidate",), reason=reason)


def promote(
    connection: Connection,
    version_id: int,
    *,
    by: str,
    now: datetime,
    reason: str,
    overwrite: bool = False,
) -> ModelVersion:
    """Make a version the one its group scores with, and write its model id to every row of the group.

    The former one is retired; when it is the newer of the two (a person went back) it becomes a candidate
    instead, so that its training set is not trained again. A row whose `model_id` a person changed
    meanwhile keeps it, unless `overwrite`. Raises RowError `model-not-usable`.
    """
    chosen = get(connection, version_id)
    _require_usable(connection, chosen)
    former = models.active(connection, chosen.group)
    if former is not None and former.id != chosen.id:
        _displace(connection, former, chosen)
    if former is None or former.id != chosen.id:
        states: tuple[ModelState, ...] = ("candidate", "retired")
        notes = {"reason": reason, "promoted_at": now, "promoted_by": by}
        models.move(connection, chosen.id, "active", expected=states, **notes)
    _write_rows(connection, chosen, former, overwrite)
    return get(connection, version_id)


def roll_back(connection: Connection, group: str, *, by: str, now: datetime) -> ModelVersion:
    """Return a group to the version that was active before. Raises RowError `nothing-to-roll-back-to`."""
    current = models.active(connection, group)
    before = former(models.versions(connection, group))
    if current is None or before is None:
        raise RowError(
            f"group {group} has no earlier model to go back to: see `formpipe models list`",
            reason="nothing-to-roll-back-to",
        )
    reason = f"rolled back from version {current.version}"
    return promote(connection, before.id, by=by, now=now, reason=reason, overwrite=True)


@dataclass(frozen=True, slots=True)
class NamedModel:
    """A model that a row names by its id, as far as it is known: `bundle_sha256` of one trained here."""

    model_id: str
    engine: str
    api_version: str | None
    model_kind: ModelKind
    fields: tuple[FieldSpec, ...]
    evaluation: Evaluation | None
    origin: str
    bundle_sha256: str | None = None


def model_known_here(connection: Connection, form_type: FormType, model_id: str) -> NamedModel:
    """The newest usable version that carries a model id, in whichever group. RowError `model-unknown`."""
    source = models.by_service_model_id(connection, form_type.engine, model_id)
    if source is None:
        raise RowError(
            f"model_id {model_id} of {form_type.form_type} is no model known here: "
            f"set it to {CREATE} to have one trained",
            reason="model-unknown",
        )
    return NamedModel(
        model_id,
        source.engine,
        source.api_version,
        source.model_kind,
        source.fields,
        source.evaluation,
        f"version {source.version} of {source.group}",
        models.bundle_sha256(connection, source.id),
    )


def adopt(
    connection: Connection, form_type: FormType, source: NamedModel, folder: TrainingFolder, now: datetime
) -> ModelVersion:
    """Use a model that a row names, and take the training set as it is now for the one it was trained on.

    The version is a new one of the row's group; on the local engine it shares the bytes of the model.
    """
    number = models.next_version(connection, form_type.group)
    new = NewVersion(
        form_type.group,
        source.engine,
        source.api_version,
        source.model_kind,
        folder.fingerprint,
        source.fields,
        0,
    )
    version_id = models.insert_version(connection, new, number, source.model_id, now)
    models.record_result(
        connection,
        version_id,
        fields=source.fields,
        evaluation=source.evaluation,
        bundle_sha256=source.bundle_sha256,
        training_documents=0,
    )
    reason = f"adopted: {source.origin}, named by {form_type.form_type}"
    return promote(connection, version_id, by="row", now=now, reason=reason, overwrite=True)


def prune(connection: Connection, group: str, keep: int) -> int:
    """Drop the stored models of old versions beyond the newest `keep` (the active one and the one a
    rollback would return to always stay); how many were deleted. The versions themselves stay listed."""
    versions = models.versions(connection, group)
    stay = spared(versions, keep)
    finished = [version for version in versions if version.state in ("candidate", "active", "retired")]
    old = [version.id for version in finished if version.id not in stay]
    return models.drop_bundles(connection, old) if old else 0


def trainings_this_month(connection: Connection, group: str, now: datetime) -> int:
    """How many trainings of a group were started in the calendar month (UTC) of `now`."""
    first = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return models.trainings_since(connection, group, first)


def get(connection: Connection, version_id: int) -> ModelVersion:
    """A version by its key. Raises RowError `model-unknown`."""
    version = models.by_id(connection, version_id)
    if version is None:
        raise RowError(f"there is no model version with the key {version_id}", reason="model-unknown")
    return version


def find(connection: Connection, group: str, version: int | None = None) -> ModelVersion:
    """A version of a group by number; without one the active, else the newest. RowError `model-unknown`."""
    if version is not None:
        found = models.by_number(connection, group, version)
    else:
        found = models.active(connection, group) or _newest(connection, group)
    if found is None:
        what = f"version {version}" if version is not None else "model"
        raise RowError(f"group {group} has no {what}: see `formpipe models list`", reason="model-unknown")
    return found


def _newest(connection: Connection, group: str) -> ModelVersion | None:
    listed = models.versions(connection, group)  # without their evaluations
    return models.by_id(connection, listed[-1].id) if listed else None


def _consume(connection: Connection, group: str) -> None:
    """A `-1` asks once: the row carries the model in use, where there is one, from then on."""
    current = models.active(connection, group)
    model_id = current.service_model_id if current else None
    for row in models.row_model_ids(connection, group):
        models.write_model_id(connection, row, model_id, expected=(CREATE, None, ""))


def _require_usable(connection: Connection, version: ModelVersion) -> None:
    name = f"version {version.version} of {version.group}"
    if version.state in ("training", "invalid"):
        raise RowError(f"{name} is {version.state} and cannot be used", reason="model-not-usable")
    if version.engine != "local" and not version.service_model_id:
        raise RowError(f"the model of {name} was deleted: train it again", reason="model-not-usable")
    if version.engine == "local" and models.bundle_sha256(connection, version.id) is None:
        raise RowError(
            f"the model of {name} is no longer stored (keep_versions): train it again",
            reason="model-not-usable",
        )


def _displace(connection: Connection, former: ModelVersion, chosen: ModelVersion) -> None:
    went_back = former.version > chosen.version
    if went_back:
        reason = f"a person went back from it to version {chosen.version}"
        models.move(connection, former.id, "candidate", expected=("active",), reason=reason)
    else:
        models.move(connection, former.id, "retired", expected=("active",))


def _write_rows(
    connection: Connection, chosen: ModelVersion, former: ModelVersion | None, overwrite: bool
) -> None:
    untouched = {None, "", chosen.service_model_id} | ({former.service_model_id} if former else set())
    for row, model_id in models.row_model_ids(connection, chosen.group).items():
        expected = {*untouched, model_id} if overwrite else untouched
        models.write_model_id(connection, row, chosen.service_model_id, expected=expected)

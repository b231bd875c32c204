"""Statements on `model_version` and `model_bundle`, and on `form_type.model_id`, their copy in the rows.
Each function works inside the caller's transaction."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, delete, func, insert, or_, select, update

from pipeline.db.evaluations import Manifest, evaluation_json, fields_json, read_evaluation, read_fields
from pipeline.db.evaluations import read_manifest as _read_manifest
from pipeline.db.tables import form_type, model_bundle, model_version
from pipeline.types import Evaluation, FieldSpec, ModelKind, ModelState, ModelVersion

_WITHOUT_EVALUATION = [column for column in model_version.c if column.name != "evaluation"]
_GROUP_OF_ROW = func.coalesce(func.nullif(form_type.c.form_batch_group_id, ""), form_type.c.form_type)


@dataclass(frozen=True, slots=True)
class NewVersion:
    """What is known of a version before it is trained. `training_set`: see `Manifest`."""

    group: str
    engine: str
    api_version: str | None
    model_kind: ModelKind
    fingerprint: str
    fields: tuple[FieldSpec, ...]
    training_documents: int
    training_set: Manifest = ()


# --- versions ---------------------------------------------------------------------------------------


def insert_version(
    connection: Connection, new: NewVersion, version: int, service_model_id: str, now: datetime
) -> int:
    """Insert a version in the state `training`; its id. IntegrityError where the number is taken."""
    values = {
        "form_batch_group_id": new.group,
        "version": version,
        "engine": new.engine,
        "api_version": new.api_version,
        "model_kind": new.model_kind,
        "service_model_id": service_model_id,
        "fingerprint": new.fingerprint,
        "state": "training",
        "training_documents": new.training_documents,
        "fields": fields_json(new.fields),
        "evaluation": evaluation_json(None, new.training_set),
        "created_at": now,
    }
    key = connection.execute(insert(model_version).values(values)).inserted_primary_key
    assert key is not None
    return int(key[0])


def next_version(connection: Connection, group: str) -> int:
    """The number after the highest ever used in a group."""
    highest = connection.scalar(
        select(func.max(model_version.c.version)).where(model_version.c.form_batch_group_id == group)
    )
    return int(highest or 0) + 1


def versions(connection: Connection, group: str | None = None) -> tuple[ModelVersion, ...]:
    """The versions of a group, or of all, in the order of group and number. Their evaluations, which are
    large, stay in the database: `evaluation` is None."""
    query = select(*_WITHOUT_EVALUATION).order_by(
        model_version.c.form_batch_group_id, model_version.c.version
    )
    if group is not None:
        query = query.where(model_version.c.form_batch_group_id == group)
    return tuple(_record(row, None) for row in connection.execute(query))


def f1_scores(connection: Connection, group: str | None = None) -> dict[int, float]:
    """Micro F1 by version id, of the versions that were measured."""
    query = select(model_version.c.id, model_version.c.f1).where(model_version.c.f1.is_not(None))
    if group is not None:
        query = query.where(model_version.c.form_batch_group_id == group)
    return {row.id: row.f1 for row in connection.execute(query)}


def by_number(connection: Connection, group: str, version: int) -> ModelVersion | None:
    """One version of a group."""
    return _one(
        connection,
        select(model_version).where(
            model_version.c.form_batch_group_id == group, model_version.c.version == version
        ),
    )


def by_id(connection: Connection, version_id: int) -> ModelVersion | None:
    """One version by its key."""
    return _one(connection, select(model_version).where(model_version.c.id == version_id))


def by_service_model_id(connection: Connection, engine: str, model_id: str) -> ModelVersion | None:
    """The newest usable version that carries a model id, whichever group it belongs to."""
    query = (
        select(model_version)
        .where(
            model_version.c.engine == engine,
            model_version.c.service_model_id == model_id,
            model_version.c.state.in_(("candidate", "active", "retired")),
        )
        .order_by(model_version.c.id.desc())
        .limit(1)
    )
    return _one(connection, query)


def active(connection: Connection, group: str) -> ModelVersion | None:
    """The version a group scores with."""
    return _one(
        connection,
        select(model_version).where(
            model_version.c.form_batch_group_id == group, model_version.c.state == "active"
        ),
    )


def move(
    connection: Connection,
    version_id: int,
    state: ModelState,
    *,
    expected: tuple[ModelState, ...],
    **columns: Any,
) -> bool:
    """Change the state (and further columns) of a version that is still in an expected state."""
    result = connection.execute(
        update(model_version)
        .where(model_version.c.id == version_id, model_version.c.state.in_(expected))
        .values(state=state, **columns)
    )
    return result.rowcount == 1


def record_result(
    connection: Connection,
    version_id: int,
    *,
    fields: tuple[FieldSpec, ...],
    evaluation: Evaluation | None,
    bundle_sha256: str | None,
    training_documents: int,
    service_model_id: str | None = None,
) -> bool:
    """Note what a training gave and make the version a candidate; False where it no longer trains. A
    service's model gets its id only now."""
    named = {"service_model_id": service_model_id} if service_model_id else {}
    return move(
        connection,
        version_id,
        "candidate",
        expected=("training",),
        fields=fields_json(fields),
        evaluation=evaluation_json(evaluation, manifest(connection, version_id)),
        f1=evaluation.f1 if evaluation is not None else None,
        bundle_sha256=bundle_sha256,
        training_documents=training_documents,
        **named,
    )


def manifest(connection: Connection, version_id: int) -> Manifest:
    """What a version was trained on, as short digests; empty where that is not known."""
    return _read_manifest(
        connection.scalar(select(model_version.c.evaluation).where(model_version.c.id == version_id))
    )


def trainings_since(connection: Connection, group: str, since: datetime) -> int:
    """How many trainings of a group were started since then, finished or not. Adopted models, which have
    no training documents of ours, do not count."""
    count = connection.scalar(
        select(func.count())
        .select_from(model_version)
        .where(
            model_version.c.form_batch_group_id == group,
            model_version.c.created_at >= since,
            model_version.c.training_documents > 0,
        )
    )
    return int(count or 0)


# --- bundles ----------------------------------------------------------------------------------------


def store_bundle(connection: Connection, content: bytes) -> str:
    """Keep the bytes of a model under their SHA-256, once; the hash."""
    digest = hashlib.sha256(content).hexdigest()
    known = connection.scalar(select(model_bundle.c.sha256).where(model_bundle.c.sha256 == digest))
    if known is None:
        connection.execute(insert(model_bundle).values(sha256=digest, content=content))
    return digest


def load_bundle(connection: Connection, version_id: int) -> bytes | None:
    """The bytes of a version's model, None where it has none (a service's, or dropped for its age)."""
    content = connection.scalar(
        select(model_bundle.c.content)
        .join(model_version, model_version.c.bundle_sha256 == model_bundle.c.sha256)
        .where(model_version.c.id == version_id)
    )
    return None if content is None else bytes(content)


def load_bundle_of_model(connection: Connection, engine: str, model_id: str) -> bytes | None:
    """The bytes of the model that carries an id, as rows and workers name it: versions that share an id
    (adopted ones) share the bytes, and one of them may have dropped them."""
    content = connection.scalar(
        select(model_bundle.c.content)
        .join(model_version, model_version.c.bundle_sha256 == model_bundle.c.sha256)
        .where(model_version.c.engine == engine, model_version.c.service_model_id == model_id)
        .limit(1)
    )
    return None if content is None else bytes(content)


def bundle_sha256(connection: Connection, version_id: int) -> str | None:
    """The hash of a version's model."""
    digest = connection.scalar(select(model_version.c.bundle_sha256).where(model_version.c.id == version_id))
    return None if digest is None else str(digest)


def drop_bundles(connection: Connection, version_ids: Collection[int]) -> int:
    """Take the models of these versions away and delete the bytes nobody else has; how many were deleted."""
    connection.execute(
        update(model_version).where(model_version.c.id.in_(version_ids)).values(bundle_sha256=None)
    )
    used = select(model_version.c.bundle_sha256).where(model_version.c.bundle_sha256.is_not(None))
    return connection.execute(delete(model_bundle).where(model_bundle.c.sha256.not_in(used))).rowcount


def ids_in_use_beside(connection: Connection, group: str) -> frozenset[str]:
    """Model ids that rows of any group name, good rows or not, and that versions of other groups have."""
    version = model_version.c
    others = select(version.service_model_id).where(
        version.form_batch_group_id != group, version.state != "invalid"
    )
    found = [*connection.scalars(select(form_type.c.model_id)), *connection.scalars(others)]
    return frozenset(model_id for model_id in found if model_id)


def forget_model(connection: Connection, version_id: int, reason: str) -> None:
    """The model of a version was deleted; the version stays listed, and cannot be used again."""
    connection.execute(
        update(model_version)
        .where(model_version.c.id == version_id, model_version.c.state.in_(("retired", "invalid")))
        .values(service_model_id=None, reason=reason)
    )


# --- rows -------------------------------------------------------------------------------------------


def row_model_ids(connection: Connection, group: str) -> dict[str, str | None]:
    """`model_id` of every row of a group, by form type. A row without a group is its own."""
    own = func.coalesce(func.nullif(form_type.c.form_batch_group_id, ""), form_type.c.form_type)
    rows = connection.execute(
        select(form_type.c.form_type, form_type.c.model_id)
        .where(own == group)
        .order_by(form_type.c.form_type)
    )
    return {row.form_type: row.model_id for row in rows}


def group_of(connection: Connection, row: str) -> str | None:
    """The group of a form type, None where there is no such row."""
    group = connection.scalar(select(_GROUP_OF_ROW).where(form_type.c.form_type == row))
    return None if group is None else str(group)


def write_model_id(
    connection: Connection, row: str, new: str | None, *, expected: Collection[str | None]
) -> bool:
    """Write a row's `model_id` where it still is one of `expected`; whether it was."""
    column = form_type.c.model_id
    unchanged = [column.in_([value for value in expected if value is not None])]
    if None in expected:
        unchanged.append(column.is_(None))
    result = connection.execute(
        update(form_type).where(form_type.c.form_type == row, or_(*unchanged)).values(model_id=new)
    )
    return result.rowcount == 1


# --- records ----------------------------------------------------------------------------------------


def _one(connection: Connection, query: Select[Any]) -> ModelVersion | None:
    row = connection.execute(query).first()
    return None if row is None else _record(row, read_evaluation(row.evaluation))


def _record(row: Row[Any], evaluation: Evaluation | None) -> ModelVersion:
    return ModelVersion(
        id=row.id,
        group=row.form_batch_group_id,
        version=row.version,
        engine=row.engine,
        api_version=row.api_version,
        model_kind=row.model_kind,
        service_model_id=row.service_model_id or "",
        fingerprint=row.fingerprint,
        state=row.state,
        fields=read_fields(row.fields),
        evaluation=evaluation,
        training_documents=row.training_documents,
        reason=row.reason,
        created_at=row.created_at,
        promoted_at=row.promoted_at,
        promoted_by=row.promoted_by,
    )

"""What a run needs of a service, made for one group at a time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import cast

from sqlalchemy import Connection, Engine

from pipeline.db import operations
from pipeline.db.transactions import transact
from pipeline.errors import RowError
from pipeline.operations.driver import Client, OperationDriver
from pipeline.operations.pace import Paces
from pipeline.operations.submission import Ledger
from pipeline.orchestrator.leasing import LeaseTerms
from pipeline.orchestrator.service_training import model_fields, service_evaluation
from pipeline.orchestrator.text_training import PREVIEWS
from pipeline.ports import RemoteEngine, TextService
from pipeline.texts import TextModelId
from pipeline.training.registry import NamedModel
from pipeline.types import FieldSpec, FormType, ModelVersion, SecretNames

LOCAL = "local"

LANGUAGE = "language"
EngineOf = Callable[[SecretNames, str, str | None], RemoteEngine | TextService]
"""The client of an engine and API version, signed in with a row's secrets. Raises RowError."""


@dataclass(frozen=True, slots=True)
class ServiceAccess:
    """How services are reached. `seconds`: what one document or layout may take there; `paces`: what this run
    learns of how long they do take."""

    engine_of: EngineOf
    seconds: float
    paces: Paces = field(default_factory=Paces)
    given_up: threading.Event = field(default_factory=threading.Event)

    def close(self) -> None:
        """Give up what is on its way: nobody waits for an answer any more. From any thread."""
        self.given_up.set()


@dataclass(frozen=True, slots=True)
class GroupAccess:
    """The access of one group. `run_id`: the run that holds the documents it asks about."""

    access: ServiceAccess
    database: Engine
    terms: LeaseTerms
    guard: Callable[[Connection], None]
    stopping: Callable[[], bool]
    run_id: int | None = None

    def driver(self, row: FormType, engine: str, api_version: str | None) -> OperationDriver[RemoteEngine]:
        """The driver of the operations of a row's group on this engine of forms."""
        client = cast(RemoteEngine, self.access.engine_of(row.secrets, engine, api_version))
        return self._driver(client, row, engine, api_version)

    def text_driver(self, row: FormType, api_version: str | None) -> OperationDriver[TextService]:
        """The same on the service of texts."""
        client = cast(TextService, self.access.engine_of(row.secrets, LANGUAGE, api_version))
        return self._driver(client, row, LANGUAGE, api_version)

    def _driver(
        self, client: Client, row: FormType, engine: str, api_version: str | None
    ) -> OperationDriver[Client]:
        return OperationDriver(
            client,
            self.ledger(row.group),
            self.stopping,
            partial(self.access.paces.of, engine, api_version),
            given_up=self.access.given_up.is_set,
        )

    def ledger(self, group: str) -> Ledger:
        return Ledger(self.database, group, self.terms.holder, self.guard, self.terms.now, self.run_id)

    def named_model(self, row: FormType, model_id: str, known: Sequence[FieldSpec] = ()) -> NamedModel:
        """A model that a row names, as the service tells it; of its fields Form Recognizer tells the names,
        their types are those `known` of the training folder. Raises RowError `model-missing`,
        `model-not-ready`, `model-unusable`."""
        if row.engine == LANGUAGE:
            return self._named_text_model(row, model_id)
        client = cast(RemoteEngine, self.access.engine_of(row.secrets, row.engine, row.api_version))
        model = client.model(model_id)
        if model.state != "ready":
            reason = "model-not-ready" if model.state == "creating" else "model-unusable"
            raise RowError(f"the model {model_id} that the row names is {model.state}", reason=reason)
        return NamedModel(
            model_id=model_id,
            engine=row.engine,
            api_version=row.api_version,
            model_kind=row.model_kind,
            fields=model_fields(model, known),
            evaluation=service_evaluation(model),
            origin=f"a model of {row.engine}",
        )

    def _named_text_model(self, row: FormType, model_id: str) -> NamedModel:
        """A deployment that a row names. The previews do not tell theirs: they are believed."""
        named = TextModelId.parse(model_id)
        if named is None:
            raise RowError(
                f"{model_id[:100]!r} names no deployed model of texts: write project:deployment, with :multi "
                "after it where a text may have any number of classes",
                reason="model-missing",
            )
        service = cast(TextService, self.access.engine_of(row.secrets, LANGUAGE, row.api_version))
        if row.api_version not in PREVIEWS:
            _require_deployed(service, named)
        return NamedModel(
            model_id=model_id,
            engine=LANGUAGE,
            api_version=row.api_version,
            model_kind=row.model_kind,
            fields=(),
            evaluation=None,
            origin=f"a deployment of {LANGUAGE}",
        )

    def drop_foreign(self, row: FormType, version: ModelVersion) -> None:
        """Give up what another engine than this version's was asked for and has not answered yet."""
        now = self.terms.now()

        def work(connection: Connection) -> None:
            self.guard(connection)
            operations.give_up_foreign(connection, row.group, version.engine, now)

        transact(self.database, work)


def _require_deployed(service: TextService, named: TextModelId) -> None:
    """Raises RowError `model-missing`."""
    known = [deployment.name for deployment in service.deployments(named.project)]
    if named.deployment not in known:
        told = ", ".join(known[:5]) or "none"
        raise RowError(
            f"the project {named.project} has no deployment {named.deployment} (it has {told}): names keep "
            "their case, and differ by it",
            reason="model-missing",
        )

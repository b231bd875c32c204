"""What runs in a process of Spark: open what a run works with once, then be a hand for one span after the
other."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from pipeline.db.faults import ended_by
from pipeline.db.spans import Span
from pipeline.errors import RunError, place_of
from pipeline.orchestrator.allowance import RunLimits
from pipeline.orchestrator.hands import Watch, work_on
from pipeline.orchestrator.orders import Order
from pipeline.orchestrator.run_context import RunContext
from pipeline.orchestrator.service_access import LOCAL
from pipeline.settings import Settings
from pipeline.wiring import App, open_app, run_context


@dataclass(frozen=True, slots=True)
class HandSetup:
    """What a hand is told. `settings`: those of the run, secrets by name only. `bundle`: the bytes of the
    local model, None where the database is to be asked."""

    settings: Mapping[str, object]
    order: Order
    bundle: Callable[[], bytes] | None = None


class Workplace:
    """What this process keeps between spans: connections, a reader, and the models it was given."""

    def __init__(self, settings: Mapping[str, object]) -> None:
        self.settings = settings
        self._open = ExitStack()
        self._watch: Watch | None = None
        self._app: App = open_app(Settings.model_construct(**settings))  # type: ignore[arg-type]
        context = run_context(self._app, self._stopping, lambda event: None, RunLimits())
        self._context: RunContext = self._open.enter_context(context)

    def context(self, order: Order) -> RunContext:
        """For one hand: a holder of its own, that stops when the run of its order does."""
        self._watch = Watch(self._app.database, order)
        return replace(self._context, terms=self._app.lease_terms())

    def _stopping(self) -> bool:
        return self._watch is not None and self._watch.over()

    def lay_out(self, setup: HandSetup) -> None:
        """Put the model that was sent along where the reader finds it."""
        version = setup.order.version
        file: Path = self._context.scratch / version.service_model_id
        if setup.bundle is not None and version.engine == LOCAL and not file.exists():
            file.write_bytes(setup.bundle())

    def close(self) -> None:
        """End the reader, and leave the database."""
        self._open.close()
        self._app.database.dispose()


_kept: list[Workplace] = []


def perform(setup: HandSetup, span: Span) -> str:
    """Score a span; a report as JSON. Raises RunError where another hand is to try; its text is all that is
    told of any error, for Spark writes it into its log."""
    try:
        place = workplace(setup.settings)
        place.lay_out(setup)
        return json.dumps(work_on(place.context(setup.order), setup.order, span).plain())
    except RunError:
        raise
    except SQLAlchemyError as error:
        named = ended_by(error)
        told = str(named) if named else f"{type(error).__name__} at {place_of(error)}"
        raise RunError(f"the database failed: {told}", reason="database-failed") from None
    except Exception as error:
        told = f"{type(error).__name__} at {place_of(error)}"
        raise RunError(f"a bug: {told}; please report it", reason="unexpected-error") from None


def workplace(settings: Mapping[str, object]) -> Workplace:
    """Of this process, made when it is first needed. One at a time: another run may have other settings."""
    if not _kept or _kept[0].settings != settings:
        while _kept:
            _kept.pop().close()
        _kept.append(Workplace(settings))
    return _kept[0]

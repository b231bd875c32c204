"""A hand in Spark whose engine answers from a can. A module of its own, for Spark's processes import it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from bench.overhead import Desk
from pipeline import hand
from pipeline.db.spans import Span
from pipeline.executors.threads import ThreadExecutor
from pipeline.orchestrator.hands import work_on
from pipeline.storage.folder import FolderStorage

_desk: list[ThreadExecutor] = []


def perform(setup: hand.HandSetup, span: Span) -> str:
    """`pipeline.hand.perform` without a reader process."""
    kept = hand.workplace(setup.settings)
    kept.lay_out(setup)
    if not _desk:
        storage = FolderStorage(Path(str(setup.settings["storage_root"])))
        _desk.append(ThreadExecutor(Desk(storage).perform, 1))
    context = replace(kept.context(setup.order), readers=_desk[0])
    return json.dumps(work_on(context, setup.order, span).plain())

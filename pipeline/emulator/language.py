"""The Language service: projects of texts in v1.0-preview.2, 2021-11-01-preview, 2022-05-01 and 2023-04-01,
with the runtime of each (CONTRACTS 4)."""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.emulator import language_deployments, language_models, language_projects, language_texts
from pipeline.emulator.jobs import TEXTS
from pipeline.emulator.routing import Route
from pipeline.emulator.service import EmulatorService

ROUTES: Sequence[Route] = (
    *language_projects.ROUTES,
    *language_models.ROUTES,
    *language_deployments.ROUTES,
    *language_texts.ROUTES,
)


def take_up(service: EmulatorService) -> None:
    """After a restart, trainings and analyses go on: what they need is kept. Other jobs take no time, and
    what was cut off of them has failed."""
    for job in service.store.jobs():
        if job.family != TEXTS or job.state in ("succeeded", "failed"):
            continue
        if job.kind == "train":
            language_models.take_up(job, service)
        elif job.kind == "analyze":
            language_texts.take_up(job, service)

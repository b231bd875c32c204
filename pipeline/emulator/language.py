"""The Language service: projects of texts in v1.0-preview.2, 2021-11-01-preview, 2022-05-01 and 2023-04-01,
with the runtime of each (CONTRACTS 4)."""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.emulator import language_deployments, language_models, language_projects, language_texts
from pipeline.emulator.routing import Route

ROUTES: Sequence[Route] = (
    *language_projects.ROUTES,
    *language_models.ROUTES,
    *language_deployments.ROUTES,
    *language_texts.ROUTES,
)

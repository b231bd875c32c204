"""Document Intelligence 2022-08-31 and 2023-07-31 under `/formrecognizer`, 2024-11-30 under
`/documentintelligence` (CONTRACTS 3)."""

from __future__ import annotations

from pipeline.emulator import (
    document_intelligence_batches,
    document_intelligence_classifiers,
    document_intelligence_documents,
    document_intelligence_models,
    document_intelligence_operations,
)
from pipeline.emulator.routing import Route

ROUTES: list[Route] = [
    *document_intelligence_models.ROUTES,
    *document_intelligence_operations.ROUTES,
    *document_intelligence_documents.ROUTES,
    *document_intelligence_classifiers.ROUTES,
    *document_intelligence_batches.ROUTES,
]

"""Models that are made of models."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from pipeline.remote import ServiceModel


def composed(named: ServiceModel, parts: Sequence[ServiceModel], now: datetime) -> ServiceModel:
    """`named` with what its parts know, ready at once. Parts of parts are its own components; of a field that
    several know the last is told."""
    components = [component for part in parts for component in (part.components or (part.model_id,))]
    fields = {spec.name: spec for part in parts for spec in part.fields}
    accuracies = dict(pair for part in parts for pair in part.accuracies)
    averages = [part.average_accuracy for part in parts if part.average_accuracy is not None]
    return replace(
        named,
        state="ready",
        created_at=now,
        updated_at=now,
        composed=True,
        components=tuple(dict.fromkeys(components)),
        fields=tuple(fields.values()),
        accuracies=tuple(accuracies.items()),
        average_accuracy=sum(averages) / len(averages) if averages else None,
    )

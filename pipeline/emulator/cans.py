"""Answers out of a can: every document gets the same analysis, by the model that is in the can, and nothing
is read. For measuring what calls the service, at the speed and with the latency of a service."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from pipeline.emulator.faults import FaultPlan, FaultRule
from pipeline.emulator.store import StoredJob, StoredModel
from pipeline.remote import Analysis, AnalyzedDocument, ServiceFault, ServiceModel
from pipeline.types import ExtractedField, FieldSpec, Layout, Line, Page, Word

_FAMILY = "v3"
_ENDS = "ends_at"
_FAILS = "fails"


@dataclass(frozen=True, slots=True)
class Can:
    """The model that is there from the start, and what it finds in every document."""

    model_id: str
    analysis: Analysis

    @property
    def fields(self) -> tuple[FieldSpec, ...]:
        return tuple(FieldSpec(value.field) for value in self.analysis.values)

    def model(self, resource: str, now: datetime) -> StoredModel:
        accuracies = tuple((spec.name, 1.0) for spec in self.fields)
        model = ServiceModel(
            self.model_id, created_at=now, updated_at=now, fields=self.fields, accuracies=accuracies
        )
        return StoredModel(resource, "labelled", _FAMILY, model)


def sample_can(fields: int = 10, model_id: str = "canned") -> Can:
    """A page with one line for each of so many fields."""
    values, lines = [], []
    for number in range(fields):
        top = 1.0 + number * 0.25
        polygon = (1.0, top, 2.0, top, 2.0, top + 0.2, 1.0, top + 0.2)
        text = f"value{number}"
        lines.append(Line(text, polygon, (Word(text, polygon, 0.99),)))
        values.append(ExtractedField(f"field {number}", text, 1, polygon, 0.98, 0.99))
    layout = Layout((Page(1, 8.5, 11.0, "inch", tuple(lines)),), 1)
    document = AnalyzedDocument(model_id, 1, 1, tuple(values), 0.98, model_id)
    return Can(model_id, Analysis(layout, (document,), model_id))


def begun(job: StoredJob, rules: Sequence[FaultRule], plan: FaultPlan) -> StoredJob:
    """A job with its end decided: no thread waits for it."""
    if any(rule.action == "stuck" for rule in rules):
        return replace(job, state="running")
    seconds = sum(plan.seconds(rule) for rule in rules if rule.action == "job-seconds")
    fails = next(([rule.code, rule.message] for rule in rules if rule.action == "fail"), None)
    ends = (job.created + timedelta(seconds=seconds)).isoformat()
    return replace(job, state="running", details=job.details | {_ENDS: ends, _FAILS: fails})


def canned(job: StoredJob) -> bool:
    return _ENDS in job.details


def as_of(job: StoredJob, now: datetime) -> StoredJob:
    """The job as it stands at a moment."""
    if not canned(job) or (ends := datetime.fromisoformat(job.details[_ENDS])) > now:
        return job
    if job.details[_FAILS] is None:
        return replace(job, state="succeeded", updated=ends)
    code, message = job.details[_FAILS]
    fault = ServiceFault(code or "InternalServerError", message or "Planned.")
    return replace(job, state="failed", updated=ends, fault=fault)

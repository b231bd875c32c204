"""Whether a group trains in this run, and why. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from pipeline.training.records import TrainingFolder
from pipeline.training.registry import CREATE, INTERRUPTED
from pipeline.types import FormType, ModelVersion

Action = Literal["train", "adopt", "keep", "refused", "cannot"]


@dataclass(frozen=True, slots=True)
class TrainingDecision:
    """`train`: a new version. `adopt`: use `model_id`. `keep`: nothing to do. `refused`: this very set gave
    a worse model before. `cannot`: something is in the way. `version` is the active one, if any."""

    action: Action
    reason: str
    version: int | None = None
    model_id: str | None = None


@dataclass(frozen=True, slots=True)
class History:
    """What a group has behind it. `last_set`: the manifest of the active version's training set."""

    versions: tuple[ModelVersion, ...] = ()
    trained_this_month: int = 0
    last_set: tuple[tuple[str, str], ...] = ()

    @property
    def active(self) -> ModelVersion | None:
        return next((version for version in self.versions if version.state == "active"), None)

    def refused(self, fingerprint: str) -> ModelVersion | None:
        """The candidate that was made of this very training set and got a verdict (a reason) against it."""
        candidates = (v for v in self.versions if v.state == "candidate" and v.reason)
        same = (v for v in candidates if v.fingerprint == fingerprint)
        return max(same, key=lambda version: version.version, default=None)

    def interrupted(self, fingerprint: str) -> ModelVersion | None:
        """The newest version, where its training on this very set was cut off."""
        last = self.versions[-1] if self.versions else None
        if last is None or last.fingerprint != fingerprint:
            return None
        interrupted = last.state == "invalid" and (last.reason or "").startswith(INTERRUPTED)
        return last if interrupted or last.state == "training" else None


def decide_training(rows: Sequence[FormType], folder: TrainingFolder, history: History) -> TrainingDecision:
    """What to do about the model of a group, the caller holding its lease. `rows` are all rows of it."""
    active = history.active
    number = active.version if active else None
    if named := _named_model(rows, active):
        return TrainingDecision("adopt", f"model_id {named} is named by the row", number, named)
    why = _why_train(rows, folder, history)
    if why is None:
        return TrainingDecision("keep", _why_keep(rows, active), number)
    refused = history.refused(folder.fingerprint)
    if refused and not _asked(rows):
        return TrainingDecision("refused", _why_refused(refused), number)
    obstacle = _obstacle(rows, folder, history)
    if obstacle:
        kept = f"; version {number} stays in use" if number else ""
        return TrainingDecision("cannot", f"{obstacle}{kept}", number)
    return TrainingDecision("train", why, number)


def _named_model(rows: Sequence[FormType], active: ModelVersion | None) -> str | None:
    """A model that a row asks for by id and that is not the one in use."""
    in_use = active.service_model_id if active else None
    named = (row.model_id for row in rows if row.model_id not in (None, "", CREATE))
    return next((model_id for model_id in named if model_id != in_use), None)


def _asked(rows: Sequence[FormType]) -> bool:
    return any(row.model_id == CREATE for row in rows)


def _why_train(rows: Sequence[FormType], folder: TrainingFolder, history: History) -> str | None:
    """The reason to train, None where there is none."""
    active = history.active
    interrupted = history.interrupted(folder.fingerprint)
    if interrupted:
        return f"the training of version {interrupted.version} was not finished"
    if active is None:
        return "first model"
    if active.fingerprint != folder.fingerprint and not _never(rows):
        return f"{_change(history.last_set, folder.manifest)} since version {active.version}"
    if _asked(rows):
        asking = ", ".join(row.form_type for row in rows if row.model_id == CREATE)
        return f"a new model is asked for by model_id {CREATE} of {asking}"
    if any(row.retrain == "always" for row in rows):
        return "retrain is always"
    return None


def _never(rows: Sequence[FormType]) -> bool:
    return all(row.retrain == "never" for row in rows)


def _why_keep(rows: Sequence[FormType], active: ModelVersion | None) -> str:
    assert active is not None
    if _never(rows):
        return f"retrain is never; version {active.version} is in use"
    return f"training set unchanged since version {active.version}"


def _why_refused(refused: ModelVersion) -> str:
    return f"candidate version {refused.version} was refused on this very training set: {refused.reason}"


def _obstacle(rows: Sequence[FormType], folder: TrainingFolder, history: History) -> str | None:
    if folder.errors:
        first = folder.errors[0]
        more = f" (and {len(folder.errors) - 1} more)" if len(folder.errors) > 1 else ""
        return f"{first.subject}: {first.message}{more}"
    limits = [row.max_train_runs for row in rows if row.max_train_runs is not None]
    if limits and history.trained_this_month >= min(limits):
        return f"max_train_runs reached: {history.trained_this_month} of {min(limits)} trainings this month"
    return None


def _change(before: Sequence[tuple[str, str]], now: Sequence[tuple[str, str]]) -> str:
    """`2 forms added, labels of 1 changed`; where neither tells: fields, group or engine changed."""
    if not before:
        return "training set changed"
    old, new = dict(before), dict(now)
    added, removed = len(new.keys() - old.keys()), len(old.keys() - new.keys())
    relabelled = sum(1 for form in old.keys() & new.keys() if old[form] != new[form])
    counts = Counter({"added": added, "removed": removed})
    parts = [f"{_forms(count)} {what}" for what, count in counts.items() if count]
    if relabelled:
        parts.append(f"labels of {_forms(relabelled)} changed")
    return ", ".join(parts) or "fields, layouts, group or engine changed"


def _forms(count: int) -> str:
    return "1 form" if count == 1 else f"{count} forms"

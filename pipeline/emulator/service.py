"""The emulator's own service, which both API families speak for: models, jobs, copies of a resource."""

from __future__ import annotations

import logging
import secrets
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, cast

from pipeline.emulator import work
from pipeline.emulator.faults import OF_JOBS, FaultRule
from pipeline.emulator.options import EmulatorOptions
from pipeline.emulator.sorting import read_sorting
from pipeline.emulator.store import ModelShape, Store, StoredJob, StoredModel
from pipeline.errors import AttemptError, DocumentError, FormpipeError, RowError
from pipeline.executors.processes import ProcessExecutor, WorkerLimits
from pipeline.logs import log_event
from pipeline.remote import Analysis, OperationKind, ServiceFault, ServiceModel, TrainingRequest
from pipeline.services import Tier, load_services

KEPT = timedelta(hours=24)
"""How long the result of an operation can be asked for."""

GENERIC_TRAINING_FAULT = ServiceFault("3014", "Generic error during training.")
_THREADS = 64
_NO_TARGET = (
    "Could not retrieve authorization metadata. If this issue persists use a different target model to copy "
    "into."
)


@dataclass(frozen=True, slots=True)
class Training:
    """A training to begin. `model_id` is the service's choice or the caller's."""

    resource: str
    model_id: str
    request: TrainingRequest
    family: str
    api_version: str
    files: tuple[str, ...] | None = None
    details: dict[str, Any] | None = None


class EmulatorService:
    """Calls are quick: what takes long happens in threads that wait for worker processes."""

    def __init__(self, options: EmulatorOptions) -> None:
        self.options = options
        self.store = Store(options.state)
        self._executor = ProcessExecutor(
            work.perform,
            work.prepare,
            (options.state / "bundles",),
            WorkerLimits(options.workers, options.memory_mb, 500),
        )
        self._threads = ThreadPoolExecutor(_THREADS)
        self._copies: dict[str, tuple[str, str]] = {}
        self._lock = threading.Lock()
        self.accepted: dict[str, int] = {}
        self._take_up()

    @property
    def now(self) -> datetime:
        return self.options.now()

    def tier(self, engine: str) -> Tier:
        return load_services()[engine].tiers[self.options.tier]

    def close(self) -> None:
        self._executor.close()
        self._threads.shutdown(wait=False, cancel_futures=True)

    # --- documents ----------------------------------------------------------------------------------

    def probe(self, file: Path) -> work.Probe:
        """Look at a document. Raises DocumentError."""
        return cast(work.Probe, self._perform(work.ProbeTask(file), 60.0))

    def new_input(self, content: bytes) -> tuple[str, Path]:
        """A job id and the file in which its document was laid down."""
        job_id = str(uuid.uuid4())
        file = self.store.input(job_id)
        file.write_bytes(content)
        return job_id, file

    def start_reading(
        self,
        job_id: str,
        resource: str,
        family: str,
        *,
        stored: StoredModel | None = None,
        pages: Sequence[int] = (),
        details: dict[str, Any] | None = None,
    ) -> StoredJob:
        """Read the document of `job_id`, and analyze it where a model is given."""
        kind: OperationKind = "layout" if stored is None else "analyze"
        model_id = stored.model.model_id if stored else ""
        more = {"pages": list(pages), "models": stored.bundles if stored else {}}
        job = self._new_job(job_id, resource, kind, family, model_id, (details or {}) | more)
        self._count(kind)
        self._threads.submit(self._read, job)
        return job

    def _read(self, job: StoredJob) -> None:
        rules = self._begin(job)
        if rules is None:
            return
        two_pages = any(rule.action == "two-pages" for rule in rules) or self.options.tier == "F0"
        task = work.ReadTask(
            file=self.store.input(job.id),
            models=tuple(job.details["models"].items()),
            pages=tuple(job.details["pages"]),
            most_pages=2 if two_pages else work.MOST_PAGES,
            sorting=read_sorting(job.details.get("sorting")),
        )
        try:
            analysis = cast(Analysis, self._perform(task, self.options.document_seconds))
        except FormpipeError as error:
            self._end(job, ServiceFault("InternalServerError", f"An unexpected error: {error.reason}."))
            return
        self.store.put_result(job.id, analysis)
        self.store.input(job.id).unlink(missing_ok=True)
        self._end(job)

    # --- models -------------------------------------------------------------------------------------

    def start_training(self, training: Training) -> StoredJob:
        """Begin to train; the model is listed as `creating` at once."""
        request, now = training.request, self.now
        shape: ModelShape = "labelled" if request.labels else "unlabelled"
        model = ServiceModel(
            model_id=training.model_id,
            state="creating",
            name=request.name,
            description=request.description,
            api_version=training.api_version,
            created_at=now,
            updated_at=now,
        )
        job_id = str(uuid.uuid4())
        bundles = {training.model_id: job_id}
        self.store.put_model(
            StoredModel(training.resource, shape, training.family, model, training.details or {}, bundles)
        )
        job = self._new_job(
            job_id, training.resource, "train", training.family, training.model_id, {"mode": request.mode}
        )
        self._count("train")
        self._threads.submit(self._train, job, training)
        return job

    def _train(self, job: StoredJob, training: Training) -> None:
        rules = self._begin(job)
        if rules is None:
            return
        fault = self._planned_fault(rules)
        request = training.request
        task = work.TrainTask(
            url=request.source.url,
            prefix=request.prefix,
            subfolders=request.include_subfolders,
            labels=request.labels,
            bundle=self.store.bundle(job.id),
            files=training.files,
        )
        if fault is None:
            try:
                learned = cast(work.Learned, self._perform(task, self.options.training_seconds))
            except FormpipeError as error:
                fault = training_fault(error)
        if fault is None:
            self._trained(job, learned)
        else:
            self._untrained(job, fault)

    def _planned_fault(self, rules: Sequence[FaultRule]) -> ServiceFault | None:
        for rule in rules:
            if rule.action == "invalid-model":
                return ServiceFault(rule.code or "3014", rule.message or GENERIC_TRAINING_FAULT.message)
            if rule.action == "expired-sas":
                return training_fault(RowError("403 AuthenticationFailed", reason="container-unreadable"))
        return None

    def _trained(self, job: StoredJob, learned: work.Learned) -> None:
        stored = self.store.model(job.resource, job.model_id)
        if stored is None:
            return
        model = replace(
            stored.model,
            state="ready",
            updated_at=self.now,
            fields=learned.fields,
            accuracies=learned.accuracies,
            average_accuracy=learned.average,
            keys=learned.keys,
            documents=learned.documents,
        )
        self.store.put_model(replace(stored, model=model))
        self._end(job)

    def _untrained(self, job: StoredJob, fault: ServiceFault) -> None:
        stored = self.store.model(job.resource, job.model_id)
        if stored is not None:
            model = replace(stored.model, state="invalid", updated_at=self.now, faults=(fault,))
            self.store.put_model(replace(stored, model=model))
        self._end(job, fault)

    def compose(
        self,
        resource: str,
        family: str,
        named: ServiceModel,
        parts: Sequence[StoredModel],
        details: dict[str, Any] | None = None,
    ) -> StoredJob:
        """Make one model of several, with the id and names of `named`; it is ready when the job is."""
        components = [part for each in parts for part in (each.model.components or (each.model.model_id,))]
        fields = {spec.name: spec for each in parts for spec in each.model.fields}
        accuracies = dict(pair for each in parts for pair in each.model.accuracies)
        averages = [e.model.average_accuracy for e in parts if e.model.average_accuracy is not None]
        model = replace(
            named,
            state="ready",
            created_at=self.now,
            updated_at=self.now,
            composed=True,
            components=tuple(dict.fromkeys(components)),
            fields=tuple(fields.values()),
            accuracies=tuple(accuracies.items()),
            average_accuracy=sum(averages) / len(averages) if averages else None,
        )
        bundles = {name: bundle for each in parts for name, bundle in each.bundles.items()}
        self.store.put_model(StoredModel(resource, "composed", family, model, details or {}, bundles))
        job = self._new_job(str(uuid.uuid4()), resource, "compose", family, model.model_id, {})
        self._end(job)
        return replace(job, state="succeeded")

    # --- copies between resources -------------------------------------------------------------------

    def authorize_copy(
        self, resource: str, family: str, model_id: str, api_version: str = "", description: str = ""
    ) -> str:
        """Reserve a model id in a resource; the token that lets a model be copied there."""
        token = secrets.token_hex(32)
        now = self.now
        model = ServiceModel(
            model_id,
            "creating",
            api_version=api_version,
            description=description,
            created_at=now,
            updated_at=now,
        )
        self.store.put_model(StoredModel(resource, "reserved", family, model))
        with self._lock:
            self._copies[token] = (resource, model_id)
        return token

    def copy(self, source: StoredModel, token: str) -> StoredJob:
        """Copy a model to where the token leads; the job fails where it leads nowhere."""
        with self._lock:
            target = self._copies.pop(token, None)
        target_id = target[1] if target else ""
        job = self._new_job(
            str(uuid.uuid4()), source.resource, "copy", source.family, source.model.model_id,
            {
                "target": target_id,
                "target_resource": target[0] if target else "",
                "shape": source.shape,
            },
        )  # fmt: skip
        reserved = self.store.model(*target) if target else None
        if reserved is None:
            message = (
                "Could not retrieve authorization metadata. If this issue persists use a different target."
            )
            fault = ServiceFault("2024", message)
            self._end(job, fault)
            return replace(job, state="failed", fault=fault)
        self._put_copy(source, reserved)
        self._end(job)
        return replace(job, state="succeeded")

    def _put_copy(self, source: StoredModel, reserved: StoredModel) -> None:
        """Bytes are never written again, so that both models can have the same."""
        bundles = source.bundles
        if not source.model.composed:
            bundles = dict.fromkeys([reserved.model.model_id], next(iter(bundles.values())))
        model = replace(
            source.model,
            model_id=reserved.model.model_id,
            created_at=reserved.model.created_at,
            updated_at=self.now,
            description=reserved.model.description or source.model.description,
        )
        details = source.details | reserved.details
        self.store.put_model(
            StoredModel(reserved.resource, source.shape, source.family, model, details, bundles)
        )

    # --- jobs ---------------------------------------------------------------------------------------

    def job(self, resource: str, job_id: str, *kinds: OperationKind) -> StoredJob | None:
        """A job of a resource, until its result is forgotten."""
        job = self.store.job(job_id)
        if job is None or job.resource != resource or (kinds and job.kind not in kinds):
            return None
        if job.state in ("succeeded", "failed") and self.now - job.updated > KEPT:
            return None
        forgotten = any(r.action == "forget-result" for r in self._rules(job, ("forget-result",)))
        return None if forgotten else job

    def run(self, job: StoredJob, call: Callable[[StoredJob], None]) -> None:
        """Have a family's own kind of job carried out in a thread."""
        self._count(job.kind)
        self._threads.submit(self._guarded, call, job)

    def _guarded(self, call: Callable[[StoredJob], None], job: StoredJob) -> None:
        """No operation goes on for ever because of what was not foreseen. What it says may be a value."""
        try:
            call(job)
        except Exception as error:
            broken = type(error).__name__
            log_event("operation-broken", level=logging.ERROR, id=job.id, kind=job.kind, error=broken)
            self.fail(job, ServiceFault("InternalServerError", "An unexpected error occurred."))

    def begin(self, job: StoredJob) -> bool:
        """Mark a job as running, after what the fault plan makes it wait; False when it never ends."""
        return self._begin(job) is not None

    def fail(self, job: StoredJob, fault: ServiceFault) -> None:
        """End a job, and with it what it was to make: its id is free again."""
        if job.kind in ("train", "classify"):
            self._untrained(job, fault)
        else:
            self._end(job, fault)

    def end(self, job: StoredJob, fault: ServiceFault | None = None, **details: Any) -> None:
        self._end(replace(job, details=job.details | details), fault)

    def go_on(self, job: StoredJob, **details: Any) -> None:
        """Note how far a job is."""
        self.store.put_job(replace(job, state="running", updated=self.now, details=job.details | details))

    def new_job(
        self, resource: str, kind: OperationKind, family: str, model_id: str = "", **details: Any
    ) -> StoredJob:
        return self._new_job(str(uuid.uuid4()), resource, kind, family, model_id, details)

    def perform(self, task: object, seconds: float) -> object:
        """Have a task done in a worker process. Raises what it raised."""
        return self._perform(task, seconds)

    def _new_job(
        self,
        job_id: str,
        resource: str,
        kind: OperationKind,
        family: str,
        model_id: str,
        details: dict[str, Any],
    ) -> StoredJob:
        now = self.now
        job = StoredJob(job_id, resource, kind, family, "notStarted", now, now, model_id, None, details)
        self.store.put_job(job)
        return job

    def _begin(self, job: StoredJob) -> list[FaultRule] | None:
        self.store.put_job(replace(job, state="running", updated=self.now))
        rules = self._rules(job, tuple(action for action in OF_JOBS if action != "forget-result"))
        if any(rule.action == "stuck" for rule in rules):
            return None
        for rule in rules:
            if rule.action == "job-seconds":
                time.sleep(self.options.faults.seconds(rule))
            if rule.action == "fail":
                self.fail(job, ServiceFault(rule.code or "InternalServerError", rule.message or "Planned."))
                return None
        return rules

    def _end(self, job: StoredJob, fault: ServiceFault | None = None) -> None:
        state: Any = "failed" if fault else "succeeded"
        self.store.put_job(replace(job, state=state, updated=self.now, fault=fault))

    def _rules(self, job: StoredJob, among: Sequence[str]) -> list[FaultRule]:
        return self.options.faults.strike(f"job-{job.kind}", job.kind, among)

    def _count(self, kind: str) -> None:
        with self._lock:
            self.accepted[kind] = self.accepted.get(kind, 0) + 1

    def _perform(self, task: object, seconds: float) -> object:
        outcome = next(self._executor.map([task], parallelism=1, timeout=lambda _: seconds), None)
        if outcome is None:
            raise AttemptError("the emulator is being stopped", reason="stopped")
        if outcome.error is not None:
            raise outcome.error
        return outcome.unwrap()

    def _take_up(self) -> None:
        """After a restart: documents whose bytes are there are read again; a training, whose signed URL is
        not kept, ends as the service ends one that went wrong."""
        for job in self.store.jobs():
            if job.state in ("succeeded", "failed"):
                continue
            if job.kind in ("layout", "analyze") and self.store.input(job.id).exists():
                self._threads.submit(self._read, job)
            elif job.kind == "train":
                self._untrained(job, GENERIC_TRAINING_FAULT)
            else:
                self.fail(job, ServiceFault("InternalServerError", "The emulator was restarted."))


def training_fault(error: FormpipeError) -> ServiceFault:
    """A training's error in the service's codes (CONTRACTS 2.6)."""
    if error.reason == "container-unreadable":
        return ServiceFault("2012", "Unable to list blobs on the Azure blob storage account.", str(error))
    if error.reason in ("untrainable", "no-layouts", "nothing-to-train-on", "container-missing"):
        return ServiceFault(
            "2014",
            "No valid blobs found in the specified Azure blob container. Please conform to the document "
            "format/size/page/dimensions requirements.",
            error.reason,
        )
    if isinstance(error, DocumentError):
        return ServiceFault("3014", GENERIC_TRAINING_FAULT.message, error.reason)
    return replace(GENERIC_TRAINING_FAULT, target=error.reason)

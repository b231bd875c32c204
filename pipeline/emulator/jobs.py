"""Operations that take time: begun, carried out by worker processes, ended, and forgotten after a day."""

from __future__ import annotations

import logging
import threading
import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from pipeline.emulator import cans, work
from pipeline.emulator.faults import OF_JOBS, FaultRule
from pipeline.emulator.options import EmulatorOptions
from pipeline.emulator.store import JobKind, JobState, Store, StoredJob, StoredModel
from pipeline.errors import AttemptError
from pipeline.executors.processes import ProcessExecutor, WorkerLimits
from pipeline.logs import log_event
from pipeline.remote import Analysis, ServiceFault
from pipeline.services import Tier, load_services

KEPT = timedelta(hours=24)
"""How long the result of an operation can be asked for."""

KEPT_OF_PROJECTS = timedelta(days=7)
"""How long that of a training, a deployment and the like in a project of texts (CONTRACTS 4.4)."""

_COUNTED = timedelta(days=62)
"""How long operations that made models are known: those of a month are counted."""

_TIDIED = timedelta(hours=1)
_THREADS = 64
_DOORMAN = WorkerLimits(1, 1000, 2000)
_OF_BEGUN = tuple(action for action in OF_JOBS if action != "forget-result")
_MAKING: tuple[JobKind, ...] = ("train", "classify", "compose", "copy")


TEXTS = "language"
"""The family of API versions that speaks of projects of texts."""


def kept(job: StoredJob) -> timedelta:
    """How long what became of a job can be asked for."""
    return KEPT_OF_PROJECTS if job.family == TEXTS and job.kind != "analyze" else KEPT


class Jobs:
    """Calls are quick: what takes long happens in threads that wait for worker processes. Documents that are
    brought are looked at by a worker of their own, which never waits for a training."""

    def __init__(self, options: EmulatorOptions) -> None:
        """Raises RunError (`state-in-use`, `state-unusable`)."""
        self.options = options
        self.store = Store(options.state)
        self._executor = ProcessExecutor(
            work.perform,
            work.prepare,
            (options.state / "bundles",),
            WorkerLimits(options.workers, options.memory_mb, 500),
        )
        self._doorman = ProcessExecutor(work.look, work.stand_by, (), _DOORMAN)
        self._threads = ThreadPoolExecutor(_THREADS)
        self._stopping = threading.Event()
        self._tidy()
        self.store.sweep()

    @property
    def now(self) -> datetime:
        return self.options.now()

    def tier(self, engine: str) -> Tier:
        return load_services()[engine].tiers[self.options.tier]

    @property
    def accepted(self) -> dict[str, int]:
        """How often work of each kind was accepted since there is this state."""
        found: dict[str, int] = {}
        for (kind, _), times in self.store.counts().items():
            found[kind] = found.get(kind, 0) + times
        return found

    def close(self) -> None:
        """Stop. What is not finished stays as it is, and is taken up by who opens this state again."""
        self._stopping.set()
        self._executor.close()
        self._doorman.close()
        self._threads.shutdown(wait=False, cancel_futures=True)
        self.store.close()

    def job(self, resource: str, job_id: str, *kinds: JobKind) -> StoredJob | None:
        """A job of a resource, until its result is forgotten."""
        job = self.store.job(job_id)
        job = None if job is None else cans.as_of(job, self.now)
        if job is None or job.resource != resource or (kinds and job.kind not in kinds):
            return None
        if job.state in ("succeeded", "failed") and self.now - job.updated > kept(job):
            return None
        forgotten = any(r.action == "forget-result" for r in self._rules(job, ("forget-result",)))
        return None if forgotten else job

    def result(self, job: StoredJob) -> Analysis | None:
        """What a job found, once it succeeded."""
        if job.state != "succeeded":
            return None
        can = self.options.can if cans.canned(job) else None
        return can.analysis if can else self.store.result(job.id)

    def run(self, job: StoredJob, call: Callable[[StoredJob], None]) -> None:
        """Have a family's own kind of job carried out in a thread."""
        self.store.count(job.kind, job.model_id)
        self._threads.submit(self._guarded, call, job)

    def go_on_with(self, job: StoredJob, call: Callable[[StoredJob], None]) -> None:
        """The same for one that was begun before a restart, and counted then."""
        self._threads.submit(self._guarded, call, job)

    def _guarded(self, call: Callable[[StoredJob], None], job: StoredJob) -> None:
        """No operation goes on for ever because of what was not foreseen. What it says may be a value."""
        try:
            call(job)
        except Exception as error:
            if self._stopping.is_set():
                return
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

    def _untrained(self, job: StoredJob, fault: ServiceFault) -> None:
        stored = self.made_by(job)
        if stored is not None and not self._stopping.is_set():
            model = replace(stored.model, state="invalid", updated_at=self.now, faults=(fault,))
            self.store.put_model(replace(stored, model=model))
        self._end(job, fault)

    def made_by(self, job: StoredJob) -> StoredModel | None:
        """The model that a training makes, unless it was deleted, or its id is another's by now."""
        stored = self.store.model(job.resource, job.model_id)
        return stored if stored is not None and job.id in stored.bundles.values() else None

    def end(self, job: StoredJob, fault: ServiceFault | None = None, **details: Any) -> None:
        self._end(replace(job, details=job.details | details), fault)

    def serve(self, job: StoredJob) -> None:
        """Have a document answered from the can, which takes no more than time."""
        self.store.put_job(cans.begun(job, self._rules(job, _OF_BEGUN), self.options.faults))
        self.store.input(job.id).unlink(missing_ok=True)

    def go_on(self, job: StoredJob, **details: Any) -> None:
        """Note how far a job is."""
        self.store.put_job(replace(job, state="running", updated=self.now, details=job.details | details))

    def new_job(
        self, resource: str, kind: JobKind, family: str, model_id: str = "", job_id: str = "", **details: Any
    ) -> StoredJob:
        """`job_id`: where the family makes ids of its own, in lower case."""
        return self._new_job(job_id or str(uuid.uuid4()), resource, kind, family, model_id, details)

    def perform(self, task: object, seconds: float) -> object:
        """Have a task done in a worker process. Raises what it raised."""
        return self._perform(task, seconds)

    def _new_job(
        self,
        job_id: str,
        resource: str,
        kind: JobKind,
        family: str,
        model_id: str,
        details: dict[str, Any],
    ) -> StoredJob:
        now = self.now
        if now - self._tidied > _TIDIED:
            self._tidy()
        job = StoredJob(job_id, resource, kind, family, "notStarted", now, now, model_id, None, details)
        self.store.put_job(job)
        return job

    def _begin(self, job: StoredJob) -> list[FaultRule] | None:
        self.store.put_job(replace(job, state="running", updated=self.now))
        rules = self._rules(job, _OF_BEGUN)
        if any(rule.action == "stuck" for rule in rules):
            return None
        for rule in rules:
            if rule.action == "job-seconds":
                self._stopping.wait(self.options.faults.seconds(rule))
            if rule.action == "fail":
                self.fail(job, ServiceFault(rule.code or "InternalServerError", rule.message or "Planned."))
                return None
        return None if self._stopping.is_set() else rules

    def _end(self, job: StoredJob, fault: ServiceFault | None = None) -> None:
        """What fails because everything stops has not ended."""
        if fault is not None and self._stopping.is_set():
            return
        state: JobState = "failed" if fault else "succeeded"
        self.store.put_job(replace(job, state=state, updated=self.now, fault=fault))
        self.store.input(job.id).unlink(missing_ok=True)

    def _rules(self, job: StoredJob, among: Sequence[str]) -> list[FaultRule]:
        return self.options.faults.strike(f"job-{job.kind}", job.kind, among)

    def _tidy(self) -> None:
        """Forget what nobody can ask for any more."""
        self._tidied = now = self.now
        jobs = (cans.as_of(job, now) for job in self.store.jobs())
        ended = [job for job in jobs if job.state in ("succeeded", "failed")]
        expired = [job for job in ended if now - job.updated > kept(job)]
        gone = [job for job in expired if job.kind not in _MAKING or now - job.updated > _COUNTED]
        self.store.forget(gone, now)

    def _perform(self, task: object, seconds: float) -> object:
        executor = self._doorman if isinstance(task, work.ProbeTask) else self._executor
        outcome = next(executor.map([task], parallelism=1, timeout=lambda _: seconds), None)
        if outcome is None:
            raise AttemptError("the emulator is being stopped", reason="stopped")
        if outcome.error is not None:
            raise outcome.error
        return outcome.unwrap()

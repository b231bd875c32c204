"""The emulator's own service, which both API families speak for: models, jobs, copies of a resource."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

from pipeline.emulator import work
from pipeline.emulator.cans import canned
from pipeline.emulator.composition import composed
from pipeline.emulator.faults import FaultRule
from pipeline.emulator.jobs import KEPT, TEXTS, Jobs
from pipeline.emulator.options import EmulatorOptions
from pipeline.emulator.sorting import read_sorting
from pipeline.emulator.store import ModelShape, StoredJob, StoredModel
from pipeline.emulator.training_faults import GENERIC, training_fault
from pipeline.errors import FormpipeError, RowError
from pipeline.reading.content import HEAD_LENGTH, content_type
from pipeline.remote import Analysis, OperationKind, ServiceFault, ServiceModel, TrainingRequest
from pipeline.services import load_services

_NO_LEAVE = ServiceFault(
    "2024", "Could not retrieve authorization metadata. If this issue persists use a different target."
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


class EmulatorService(Jobs):
    """Models of resources, and what is done with them."""

    def __init__(self, options: EmulatorOptions) -> None:
        """Raises RunError (`state-in-use`, `state-unusable`)."""
        super().__init__(options)
        self._take_up()
        if options.can is not None:
            for number, _ in enumerate(options.keys, start=1):
                self.store.put_model(options.can.model(f"resource-{number}", self.now))

    # --- documents ----------------------------------------------------------------------------------

    def probe(self, file: Path) -> work.Probe:
        """Look at a document, at its first bytes where it will not be read. Raises DocumentError."""
        if self.options.can is not None:
            with file.open("rb") as stream:
                return work.Probe(content_type(stream.read(HEAD_LENGTH)), 1)
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
        self.store.count(kind, model_id)
        if self.options.can is not None:
            self.serve(job)
        else:
            self._threads.submit(self._guarded, self._read, job)
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
        self.store.count("train", training.model_id)
        self._threads.submit(self._guarded, lambda each: self._train(each, training), job)
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
            layouts=request.labels or _wants_layouts(training.api_version),
            bounds=self._bounds(request),
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

    def _bounds(self, request: TrainingRequest) -> work.Bounds | None:
        """Of template models; those of neural ones are far above what is trained on this machine."""
        tier = self.tier("form-recognizer")
        return work.Bounds(tier.training_mb, tier.training_pages) if request.mode == "template" else None

    def _planned_fault(self, rules: Sequence[FaultRule]) -> ServiceFault | None:
        for rule in rules:
            if rule.action == "invalid-model":
                return ServiceFault(rule.code or "3014", rule.message or GENERIC.message)
            if rule.action == "expired-sas":
                return training_fault(RowError("403 AuthenticationFailed", reason="container-unreadable"))
        return None

    def _trained(self, job: StoredJob, learned: work.Learned) -> None:
        stored = self.made_by(job)
        if stored is None:
            self._end(job, GENERIC)
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

    def compose(
        self,
        resource: str,
        family: str,
        named: ServiceModel,
        parts: Sequence[StoredModel],
        details: dict[str, Any] | None = None,
    ) -> StoredJob:
        """Make one model of several, with the id and names of `named`; it is ready when the job is."""
        model = composed(named, [each.model for each in parts], self.now)
        bundles = {name: bundle for each in parts for name, bundle in each.bundles.items()}
        self.store.put_model(StoredModel(resource, "composed", family, model, details or {}, bundles))
        job = self._new_job(str(uuid.uuid4()), resource, "compose", family, model.model_id, {})
        self._end(job)
        return replace(job, state="succeeded")

    # --- copies between resources -------------------------------------------------------------------

    def authorize_copy(
        self,
        resource: str,
        family: str,
        model_id: str,
        api_version: str = "",
        description: str = "",
        lifetime: timedelta = KEPT,
    ) -> str:
        """Reserve a model id in a resource; the token that lets a model be copied there, once."""
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
        self.store.put_leave(token, resource, model_id, now + lifetime)
        return token

    def copy(self, source: StoredModel, token: str) -> StoredJob:
        """Copy a model to where the token leads; the job fails where it leads nowhere."""
        target = self.store.take_leave(token, self.now)
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
            self._end(job, _NO_LEAVE)
            return replace(job, state="failed", fault=_NO_LEAVE)
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

    def _take_up(self) -> None:
        """After a restart: documents whose bytes are there are read again; a training, whose signed URL is
        not kept, ends as the service ends one that went wrong."""
        for job in self.store.jobs():
            if job.state in ("succeeded", "failed") or canned(job):
                continue
            if job.family == TEXTS and job.kind in ("train", "analyze"):
                continue  # taken up by language.py
            if job.kind in ("layout", "analyze") and self.store.input(job.id).exists():
                self._threads.submit(self._guarded, self._read, job)
            elif job.kind == "train":
                self._untrained(job, GENERIC)
            else:
                self.fail(job, ServiceFault("InternalServerError", "The emulator was restarted."))


def _wants_layouts(api_version: str) -> bool:
    """Whether a version wants layouts beside its training documents even without labels."""
    return load_services()["form-recognizer"].version(api_version).layouts_always

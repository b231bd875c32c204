from __future__ import annotations

from dataclasses import replace

from pipeline.training.decision import History, TrainingDecision, decide_training
from pipeline.training.records import TrainingDocument, TrainingFolder
from pipeline.training.registry import INTERRUPTED
from pipeline.types import Finding, FormType, ModelState, ModelVersion
from tests.unit.training.training_shelf import ROW

IN_USE = replace(ROW, model_id="local-invoices-v1")


def folder(fingerprint: str = "now", **forms: str) -> TrainingFolder:
    documents = tuple(
        TrainingDocument(f"{digest}.pdf", "e", 1, digest, (), labels)
        for digest, labels in (forms or {"a": "1"}).items()
    )
    return TrainingFolder("lake", "train/", True, documents, documents, (), fingerprint)


def version(
    number: int, state: ModelState = "active", fingerprint: str = "now", reason: str | None = "verdict"
) -> ModelVersion:
    model_id = f"local-invoices-v{number}"
    return ModelVersion(
        number, "invoices", number, "local", None, "form", model_id, fingerprint, state, reason=reason
    )


def decide(*versions: ModelVersion, row: FormType = IN_USE, found: TrainingFolder | None = None, **more: int):
    history = History(versions, **more)
    return decide_training([row], found or folder(), history)


def test_a_row_without_a_model_gets_its_first() -> None:
    for model_id in (None, "", "-1"):
        assert decide(row=replace(ROW, model_id=model_id)) == TrainingDecision("train", "first model")


def test_an_unchanged_training_set_is_not_trained_again() -> None:
    assert decide(version(1)) == TrainingDecision("keep", "training set unchanged since version 1", 1)


def test_a_changed_training_set_is_trained_and_the_reason_says_what_changed() -> None:
    history = History((version(1, fingerprint="before"),), last_set=(("a", "1"), ("b", "1"), ("c", "1")))
    decision = decide_training([IN_USE], folder(a="1", b="2", d="1", e="1"), history)
    assert decision.action == "train"
    assert decision.reason == "2 forms added, 1 form removed, labels of 1 form changed since version 1"


def test_a_change_beside_the_forms_is_named_as_such() -> None:
    history = History((version(1, fingerprint="before"),), last_set=(("a", "1"),))
    reason = decide_training([IN_USE], folder(a="1"), history).reason
    assert reason == "fields, layouts, group or engine changed since version 1"


def test_an_unknown_earlier_set_gives_a_reason_without_counts() -> None:
    assert decide(version(1, fingerprint="before")).reason == "training set changed since version 1"


def test_minus_one_asks_for_a_new_model_although_nothing_changed() -> None:
    decision = decide(version(1), row=replace(ROW, model_id="-1"))
    assert decision.action == "train"
    assert "asked for by model_id -1 of invoices" in decision.reason


def test_a_refused_candidate_is_not_trained_again() -> None:
    refused = version(2, "candidate", reason="F1 0.5 against 0.9")
    decision = decide(version(1, fingerprint="before"), refused)
    assert (decision.action, decision.version) == ("refused", 1)
    assert decision.reason == "candidate version 2 was refused on this very training set: F1 0.5 against 0.9"


def test_a_refused_candidate_is_trained_again_when_something_changes_or_a_person_asks() -> None:
    versions = (version(1, fingerprint="before"), version(2, "candidate"))
    assert decide(*versions, found=folder("later")).action == "train"
    assert decide(*versions, row=replace(ROW, model_id="-1")).action == "train"


def test_always_does_not_beat_the_refusal() -> None:
    row = replace(IN_USE, retrain="always")
    versions = (version(1, fingerprint="before"), version(2, "candidate"))
    assert decide(*versions, row=row).action == "refused"


def test_a_candidate_without_a_verdict_was_cut_off_and_is_trained_again() -> None:
    assert decide(version(1, "candidate", reason=None), row=ROW).action == "train"


def test_policies_always_and_never() -> None:
    assert decide(version(1), row=replace(IN_USE, retrain="always")).reason == "retrain is always"
    never = replace(IN_USE, retrain="never")
    kept = decide(version(1, fingerprint="before"), row=never)
    assert (kept.action, kept.reason) == ("keep", "retrain is never; version 1 is in use")
    assert decide(row=replace(ROW, retrain="never")).reason == "first model"
    assert decide(version(1), row=replace(never, model_id="-1")).action == "train"


def test_an_interrupted_training_is_done_again_even_if_the_active_version_is_up_to_date() -> None:
    for cut in (version(2, "training", reason=None), version(2, "invalid", reason=INTERRUPTED)):
        decision = decide(version(1), cut)
        assert (decision.action, decision.reason) == ("train", "the training of version 2 was not finished")


def test_an_interrupted_training_of_another_set_is_history() -> None:
    assert decide(version(1), version(2, "invalid", "other", INTERRUPTED)).action == "keep"


def test_a_failed_training_is_tried_again() -> None:
    assert decide(version(1, "invalid", reason="untrainable"), row=ROW).action == "train"


def test_a_model_id_that_is_not_in_use_is_adopted() -> None:
    decision = decide(version(1), row=replace(ROW, model_id="local-others-v4"))
    assert (decision.action, decision.model_id, decision.version) == ("adopt", "local-others-v4", 1)
    assert decide(row=replace(ROW, model_id="given")).action == "adopt"


def test_errors_in_the_folder_keep_it_from_training_but_not_from_scoring() -> None:
    finding = Finding("error", "too-few-forms", "lake/train/", "1 form to learn from")
    spoilt = replace(folder("later"), findings=(finding, replace(finding, subject="x")))
    decision = decide(version(1), found=spoilt)
    assert (decision.action, decision.version) == ("cannot", 1)
    assert decision.reason == "lake/train/: 1 form to learn from (and 1 more); version 1 stays in use"
    assert decide(row=ROW, found=spoilt).version is None


def test_errors_do_not_matter_where_nothing_is_to_be_trained() -> None:
    spoilt = replace(folder(), findings=(Finding("error", "x", "y", "z"),))
    assert decide(version(1), found=spoilt).action == "keep"


def test_the_monthly_limit_is_the_lowest_of_the_group() -> None:
    rows = [replace(IN_USE, max_train_runs=5), replace(IN_USE, form_type="b", max_train_runs=2)]
    history = History((version(1, fingerprint="before"),), trained_this_month=2)
    decision = decide_training(rows, folder(), history)
    assert decision.action == "cannot"
    assert "2 of 2 trainings this month" in decision.reason
    assert decide_training(rows, folder(), replace(history, trained_this_month=1)).action == "train"


def test_a_third_row_that_joins_with_minus_one_makes_its_group_train() -> None:
    joined = replace(ROW, form_type="third", model_id="-1")
    history = History((version(1, fingerprint="before the third row"),))
    assert decide_training([IN_USE, joined], folder(), history).action == "train"

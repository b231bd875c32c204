from __future__ import annotations

from pipeline.training.gate import judge
from pipeline.types import Evaluation, FieldOutcome


def outcome(form: str, field: str, correct: bool) -> FieldOutcome:
    return FieldOutcome(form, f"hash of {form}", field, True, True, correct)


def evaluation(*outcomes: FieldOutcome) -> Evaluation:
    return Evaluation("cross-validation", outcomes)


GOOD = evaluation(outcome("a", "total", True), outcome("b", "total", True))
POOR = evaluation(outcome("a", "total", True), outcome("b", "total", False))


def test_the_first_model_is_promoted() -> None:
    verdict = judge(POOR, None)
    assert (verdict.promote, verdict.reason) == (True, "first model")


def test_a_better_and_an_equal_candidate_are_promoted_with_figures() -> None:
    assert judge(GOOD, POOR, 3).promote
    equal = judge(GOOD, GOOD, 3)
    assert equal.promote
    assert equal.reason == "F1 1.000 against 1.000 of version 3, on 2 forms both were measured on"


def test_a_worse_candidate_stays_and_the_reason_names_figures_and_fields() -> None:
    verdict = judge(POOR, GOOD, 3)
    assert not verdict.promote
    assert "F1 0.500 against 1.000 of version 3, on 2 forms" in verdict.reason
    assert "worse in total (0.500, was 1.000)" in verdict.reason


def test_only_forms_that_both_were_measured_on_count() -> None:
    candidate = evaluation(outcome("a", "total", True), outcome("new", "total", False))
    active = evaluation(outcome("a", "total", True), outcome("old", "total", False))
    verdict = judge(candidate, active, 1)
    assert verdict.promote
    assert "on 1 form " in verdict.reason


def test_only_fields_that_both_know_count() -> None:
    candidate = evaluation(outcome("a", "total", True), outcome("a", "new field", False))
    assert judge(candidate, evaluation(outcome("a", "total", True), outcome("a", "gone", True)), 1).promote


def test_a_form_is_the_same_by_content_and_labels_not_by_name() -> None:
    relabelled = Evaluation("hold-out", (FieldOutcome("a", "other hash", "total", True, True, False),))
    renamed = Evaluation("hold-out", (FieldOutcome("z", "hash of a", "total", True, True, False),))
    assert judge(relabelled, GOOD, 1).promote
    assert not judge(renamed, GOOD, 1).promote


def test_without_a_shared_form_the_reason_says_so() -> None:
    verdict = judge(evaluation(outcome("new", "total", False)), GOOD, 2)
    assert verdict.promote
    assert "no form was measured with both" in verdict.reason


def test_versions_that_were_not_measured_cannot_be_compared() -> None:
    assert "could not be measured" in judge(None, GOOD, 2).reason
    assert "could not be measured" in judge(Evaluation("none"), GOOD, 2).reason
    assert "version 2 was never measured" in judge(GOOD, None, 2).reason


def test_a_spurious_value_counts_against_a_candidate() -> None:
    invented = FieldOutcome("b", "hash of b", "total", False, True, False)
    silent = FieldOutcome("b", "hash of b", "total", False, False, False)
    active = evaluation(outcome("a", "total", True), silent)
    assert not judge(evaluation(outcome("a", "total", True), invented), active, 1).promote


def test_the_fields_that_lost_most_are_named_first_and_a_long_list_is_cut() -> None:
    names = [f"f{n}" for n in range(8)]
    before = evaluation(*(outcome("a", name, True) for name in names), outcome("b", "f7", True))
    after = evaluation(*(outcome("a", name, False) for name in names), outcome("b", "f7", True))
    reason = judge(after, before, 1).reason
    assert "and 3 more" in reason
    assert "f7" not in reason


def service(**accuracies: float) -> Evaluation:
    return Evaluation("service", accuracies=tuple(accuracies.items()))


def test_models_of_a_service_are_compared_by_its_own_accuracies() -> None:
    better, worse = service(total=0.9, date=0.9), service(total=0.9, date=0.7)
    assert judge(better, worse, 2).promote
    verdict = judge(worse, better, 2)
    assert not verdict.promote
    assert verdict.reason == (
        "accuracy 0.800 against 0.900 of version 2, on 2 fields, by the service; worse in date"
    )


def test_only_fields_that_both_have_count() -> None:
    assert judge(service(total=0.9, new=0.1), service(total=0.9, old=1.0), 2).promote
    assert "no field in common" in judge(service(new=0.1), service(old=1.0), 2).reason

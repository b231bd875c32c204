from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import date

import pytest

from pipeline.params.rules import Validated, validate
from pipeline.services import load_services
from pipeline.types import Fault

TODAY = date(2026, 11, 21)
CLOUD = ("local", "form-recognizer", "document-intelligence", "language")
Row = dict[str, object]


def row(key: str, **cells: object) -> Row:
    """A row without fault; its folders are its own."""
    return {
        "form_type": key,
        "training_container_name": "forms",
        "training_blob_root_folder": f"{key}/training",
        "scoring_container_name": "forms",
        "scoring_input_blob_folder": f"{key}/backlog",
        **cells,
    }


def judged(*rows: Row, fields: Sequence[Row] = (), engines: tuple[str, ...] = ("local",)) -> Validated:
    kinds = ("form", "entities", "classes")
    return validate(
        rows, fields, load_services(), TODAY, available_engines=engines, available_model_kinds=kinds
    )


def places(found: Validated) -> list[tuple[str, str]]:
    return [(fault.row, fault.column) for fault in found.faults]


def only(found: Validated) -> Fault:
    assert len(found.faults) == 1, found.faults
    return found.faults[0]


def test_a_minimal_row_runs() -> None:
    found = judged(row("w9"))
    assert not found.faults
    assert found.form_types[0].training_folder == "w9/training/"
    assert found.form_types[0].group == "w9"


def test_every_fault_of_every_row_is_in_one_answer_and_the_good_rows_stay() -> None:
    found = judged(
        row("w9", min_confidence=2, locale="xx-YY", engine="lokal"),
        row("good"),
        row("Bad Key", parallelism=0),
        row("other", training_blob_root_folder="../x"),
    )
    assert [each.form_type for each in found.form_types] == ["good"]
    assert places(found) == [
        ("w9", "engine"),
        ("w9", "min_confidence"),
        ("w9", "locale"),
        ("Bad Key", "form_type"),
        ("Bad Key", "parallelism"),
        ("other", "training_blob_root_folder"),
    ]
    assert found.faulty == {"w9", "Bad Key", "other"}


def test_a_fault_says_value_allowed_and_remedy() -> None:
    assert only(judged(row("w9", engine="lokal"))) == Fault(
        "w9",
        "engine",
        "lokal",
        "local, form-recognizer, document-intelligence, language",
        "did you mean 'local'?",
    )


@pytest.mark.parametrize("cells", [{}, {"api_version": "2024-11-30"}, {"model_kind": "classes"}])
def test_an_engine_of_a_later_release_is_the_only_thing_said(cells: Row) -> None:
    fault = only(judged(row("w9", engine="document-intelligence", **cells)))
    assert (fault.column, fault.allowed) == ("engine", "local")
    assert "cannot run document-intelligence" in fault.remedy


def test_a_row_switched_off_as_advised_waits_for_its_engine_without_a_fault() -> None:
    cells = row("w9", engine="document-intelligence")
    assert "enabled = 0" in only(judged(cells)).remedy
    assert not judged({**cells, "enabled": 0}).faults


@pytest.mark.parametrize(
    ("engine", "version", "remedy"),
    [
        ("form-recognizer", "v2.2", "did you mean 'v2.1'?"),
        ("document-intelligence", "2024-11-31", "did you mean '2024-11-30'?"),
        ("document-intelligence", None, "write '2024-11-30'"),
        ("form-recognizer", "v2.0", "retired on 2026-08-31"),
        ("local", "v2.1", "empty the cell"),
    ],
)
def test_a_version_that_cannot_be_used_is_a_fault(engine: str, version: str | None, remedy: str) -> None:
    fault = only(judged(row("w9", engine=engine, api_version=version), engines=CLOUD))
    assert fault.column == "api_version"
    assert remedy in fault.remedy


def test_a_retired_version_runs_where_the_row_allows_it() -> None:
    allowed = row("w9", engine="form-recognizer", api_version="v2.0", allow_retired=1)
    assert not judged(allowed, engines=CLOUD).faults


def test_a_version_is_retired_from_the_day_after_its_last_one() -> None:
    cells = row("w9", engine="form-recognizer", api_version="v2.1")
    last, after = date(2027, 9, 15), date(2027, 9, 16)
    services = load_services()
    assert not validate([cells], [], services, last, available_engines=CLOUD).faults
    assert validate([cells], [], services, after, available_engines=CLOUD).faults


@pytest.mark.parametrize(
    ("engine", "version", "kind"),
    [
        ("form-recognizer", "v2.1", "entities"),
        ("document-intelligence", "2022-08-31", "classes"),
        ("language", "2023-04-01", "form"),
    ],
)
def test_a_kind_the_engine_cannot_make_is_a_fault(engine: str, version: str | None, kind: str) -> None:
    found = judged(row("w9", engine=engine, api_version=version, model_kind=kind), engines=CLOUD)
    assert places(found) == [("w9", "model_kind")]


def test_only_a_classes_row_routes() -> None:
    assert only(judged(row("w9", routes=True))).column == "routes"
    router = row("mail", routes=1, model_kind="classes", engine="language", api_version="2023-04-01")
    assert not judged(router, engines=CLOUD).faults


def test_only_a_local_router_tells_pages_apart() -> None:
    cells = {"routes": 1, "model_kind": "classes", "split": "per_page"}
    assert not judged(row("mail", **cells)).faults
    fault = only(judged(row("mail", **cells, engine="language", api_version="2023-04-01"), engines=CLOUD))
    assert (fault.column, fault.allowed) == ("split", "none for a router of language")


def test_a_classifier_that_this_release_does_not_ask_is_a_fault() -> None:
    cells = {"model_kind": "classes", "engine": "document-intelligence", "api_version": "2024-11-30"}
    fault = only(judged(row("mail", **cells), engines=CLOUD))
    assert (fault.column, fault.allowed) == ("model_kind", "form")
    assert "cannot run classes" in fault.remedy


@pytest.mark.parametrize(
    ("training", "backlog"), [("w9", "w9"), ("w9/a", "w9"), ("w9", "w9/a"), ("", "w9"), ("w9", ""), ("", "")]
)
def test_training_and_backlog_are_apart(training: str, backlog: str) -> None:
    cells = {"training_blob_root_folder": training, "scoring_input_blob_folder": backlog}
    assert only(judged(row("w9", **cells))).column == "scoring_input_blob_folder"


@pytest.mark.parametrize(
    "cells",
    [
        {"training_blob_root_folder": "acme", "scoring_input_blob_folder": "acme2"},
        {
            "training_blob_root_folder": "w9",
            "scoring_input_blob_folder": "w9",
            "scoring_container_name": "other",
        },
        {
            "training_blob_root_folder": "w9",
            "scoring_input_blob_folder": "w9",
            "scoring_storage_account_secret": "OtherAccount",
        },
    ],
)
def test_folders_that_only_look_alike_are_apart(cells: Row) -> None:
    assert not judged(row("w9", **cells)).faults


@pytest.mark.parametrize(
    "output", ["w9/backlog", "w9/backlog/", "w9/backlog/out", "w9/training", "w9/training/o"]
)
def test_outputs_go_where_nothing_is_read(output: str) -> None:
    assert only(judged(row("w9", scoring_output_blob_folder=output))).column == "scoring_output_blob_folder"


@pytest.mark.parametrize("output", ["w9/output", "w9", "w9/backlog2", ""])
def test_outputs_beside_the_backlog_are_fine(output: str) -> None:
    assert not judged(row("w9", scoring_output_blob_folder=output)).faults


def test_an_unreadable_cell_hides_no_fault_of_the_others() -> None:
    cells = {"training_blob_root_folder": "../x", "scoring_output_blob_folder": "w9/backlog/out"}
    assert places(judged(row("w9", **cells))) == [
        ("w9", "training_blob_root_folder"),
        ("w9", "scoring_output_blob_folder"),
    ]


def test_outputs_in_the_backlog_of_another_row_are_a_fault_of_the_writer() -> None:
    writer = row("w9", scoring_output_blob_folder="all/deep/out")
    found = judged(writer, row("all", scoring_input_blob_folder="all"), row("x"))
    assert ("w9", "scoring_output_blob_folder") in places(found)
    assert "of all)" in next(fault for fault in found.faults if fault.row == "w9").allowed


def test_a_disabled_reader_reads_no_outputs() -> None:
    reader = row("mail", training_blob_root_folder="t", scoring_input_blob_folder="mail", enabled=0)
    assert not judged(row("w9", scoring_output_blob_folder="mail/out"), reader).faults


@pytest.mark.parametrize(
    ("evaluation", "subfolders", "fault"),
    [
        ("w9/training", 0, True),
        ("w9", 0, True),
        ("w9/training/e", 1, True),
        ("w9/training/e", 0, False),
        ("e", 1, False),
    ],
)
def test_evaluation_forms_are_never_trained_on(evaluation: str, subfolders: int, fault: bool) -> None:
    cells = {"evaluation_blob_folder": evaluation, "include_subfolders": subfolders}
    assert bool(judged(row("w9", **cells)).faults) is fault


@pytest.mark.parametrize(
    ("column", "cell"),
    [
        ("locale", "xx-YY"),
        ("locale", "english"),
        ("file_type", "application/msword"),
        ("sinks", "sql,mongo"),
        ("target_table", "dbo.document"),
        ("training_container_name", ""),
        ("scoring_container_name", None),
    ],
)
def test_one_wrong_cell_is_one_fault(column: str, cell: object) -> None:
    assert only(judged(row("w9", **{column: cell}))).column == column


@pytest.mark.parametrize("locale", ["en-US", "de", "zh-Hans-CN", "en_GB"])
def test_locales_of_the_cldr_are_fine(locale: str) -> None:
    assert not judged(row("w9", locale=locale)).faults


def test_a_row_without_a_key_is_named_by_its_place() -> None:
    assert places(judged(row("w9"), row("x", form_type=None))) == [("row 2", "form_type")]


def test_rows_with_one_key_are_all_at_fault() -> None:
    found = judged(row("w9"), row("w9"), row("good"))
    assert places(found) == [("w9", "form_type"), ("w9", "form_type")]
    assert [each.form_type for each in found.form_types] == ["good"]


@pytest.mark.parametrize("typed", ["?sv=1&sig=abc", "0123456789abcdef0123456789abcdef"])
def test_a_secret_typed_into_a_row_is_never_shown(typed: str) -> None:
    fault = only(judged(row("w9", key_secret=typed)))
    assert (fault.column, fault.value) == ("key_secret", "***")
    assert typed not in repr(fault)


# --- groups -----------------------------------------------------------------------------------------


def pair(**cells: object) -> tuple[Row, Row]:
    shared = {"form_batch_group_id": "tax", "training_blob_root_folder": "tax/training"}
    return row("one", **shared), row("two", **{**shared, **cells})


def test_rows_of_a_group_share_one_training_folder() -> None:
    found = judged(*pair())
    assert not found.faults
    assert {each.group for each in found.form_types} == {"tax"}


@pytest.mark.parametrize(
    ("column", "cell"),
    [
        ("use_label_file", 0),
        ("training_storage_account_secret", "OtherAccount"),
        ("training_container_name", "other"),
        ("training_blob_root_folder", "tax/more"),
        ("include_subfolders", 1),
    ],
)
def test_rows_of_a_group_that_disagree_are_all_at_fault(column: str, cell: object) -> None:
    found = judged(*pair(**{column: cell}), row("good"))
    assert places(found) == [("one", column), ("two", column)]
    assert [each.form_type for each in found.form_types] == ["good"]
    assert "one: " in found.faults[0].allowed
    assert "two: " in found.faults[0].allowed


@pytest.mark.parametrize(
    "cells",
    [
        {"engine": "document-intelligence", "api_version": "2023-07-31"},
        {"api_version": "v2.1-preview.3", "engine": "form-recognizer", "allow_retired": 1},
    ],
)
def test_a_group_is_of_one_engine_and_version(cells: Row) -> None:
    one, two = pair(**cells)
    one |= {"engine": "form-recognizer", "api_version": "v2.1"}
    assert ("one", "api_version") in places(judged(one, two, engines=CLOUD))


def test_a_group_is_of_one_kind() -> None:
    one, two = pair(model_kind="classes")
    assert places(judged(one, two, engines=CLOUD)) == [("one", "model_kind"), ("two", "model_kind")]


def test_a_group_whose_models_can_be_put_together_may_have_several_folders() -> None:
    one, two = pair(training_blob_root_folder="tax/more")
    for each in (one, two):
        each |= {"engine": "form-recognizer", "api_version": "v2.1"}
    services = load_services()
    able = ("train", "compose")
    composed = validate([one, two], [], services, TODAY, available_engines=CLOUD, available_operations=able)
    assert not composed.faults


@pytest.mark.parametrize("version", ["v2.0", "v2.1"])
def test_a_group_with_several_folders_is_at_fault_where_nobody_composes(version: str) -> None:
    """A run would train on the first folder alone, and say nothing."""
    one, two = pair(training_blob_root_folder="tax/more")
    for each in (one, two):
        each |= {"engine": "form-recognizer", "api_version": version, "allow_retired": 1}
    found = judged(one, two, engines=CLOUD)
    assert places(found) == [("one", "training_blob_root_folder"), ("two", "training_blob_root_folder")]


@pytest.mark.parametrize(
    ("version", "file_type", "fault"),
    [("v2.0", "image/bmp", True), ("v2.1", "image/bmp", False), ("v2.0", "image/tif", False)],
)
def test_a_file_type_is_one_that_the_version_reads(version: str, file_type: str, fault: bool) -> None:
    cells = row("w9", engine="form-recognizer", api_version=version, allow_retired=1, file_type=file_type)
    assert places(judged(cells, engines=CLOUD)) == ([("w9", "file_type")] if fault else [])


def test_a_slip_in_one_row_is_not_a_disagreement_of_its_group() -> None:
    found = judged(*pair(training_container_name="Forms!"))
    assert places(found) == [("two", "training_container_name")]


def test_a_disabled_row_is_not_compared_with_its_group() -> None:
    assert not judged(*pair(training_container_name="other", enabled=0)).faults


def test_a_row_may_join_the_group_another_row_has_by_default() -> None:
    joined = row("two", form_batch_group_id="one", training_blob_root_folder="one/training")
    assert [each.group for each in judged(row("one"), joined).form_types] == ["one", "one"]


# --- fields -----------------------------------------------------------------------------------------


def field(name: object, **cells: object) -> Row:
    return {"form_type": "w9", "field": name, **cells}


def test_fields_go_with_their_row() -> None:
    found = judged(row("w9"), fields=[field("SSN", required=1), field("Date", type="date", format="mdy")])
    assert [spec.name for spec in found.form_types[0].fields] == ["SSN", "Date"]
    assert found.form_types[0].fields[0].required


@pytest.mark.parametrize(
    ("fields", "column"),
    [
        ([field("")], "fields[1].field"),
        ([field("a;b")], "fields[1].field"),
        ([field("a", type="text")], "fields[a].type"),
        ([field("a", format="dym")], "fields[a].format"),
        ([field("a", locale="xx")], "fields[a].locale"),
        ([field("a", min_confidence=7)], "fields[a].min_confidence"),
        ([field("a", target_column="b c")], "fields[a].target_column"),
        ([field("a", colour="red")], "fields[a].colour"),
    ],
)
def test_a_wrong_field_is_a_fault_of_its_row(fields: list[Row], column: str) -> None:
    assert (only(judged(row("w9"), fields=fields)).row, only(judged(row("w9"), fields=fields)).column) == (
        "w9",
        column,
    )


def test_a_field_stands_once() -> None:
    assert places(judged(row("w9"), fields=[field("a"), field("a")])) == [("w9", "fields[a].field")] * 2


@pytest.mark.parametrize("other", [{"target_column": "TOTAL"}, {}])
def test_two_fields_do_not_share_a_column(other: Row) -> None:
    fields = [field("a", target_column="total"), field("Total", **other)]
    assert ("w9", "fields[a].target_column") in places(judged(row("w9"), fields=fields))


def test_fields_of_a_form_type_that_is_not_there_are_a_fault_of_their_own() -> None:
    found = judged(row("w9"), fields=[{"form_type": "w8", "field": "a"}])
    assert places(found) == [("w8", "fields")]
    assert "w9" in found.faults[0].remedy
    assert len(found.form_types) == 1


def test_five_thousand_rows_are_judged_within_seconds() -> None:
    rows = [row(f"f{n}", scoring_output_blob_folder=f"f{n}/out") for n in range(5000)]
    started = time.perf_counter()
    assert len(judged(*rows).form_types) == 5000
    assert time.perf_counter() - started < 5


def test_a_kind_that_only_a_later_release_runs_can_be_written_down() -> None:
    mail = row("mail", model_kind="classes", engine="document-intelligence", api_version="2024-11-30")
    found = only(validate([mail], [], load_services(), TODAY))
    assert (found.column, "enabled = 0" in found.remedy) == ("model_kind", True)
    assert not validate([mail | {"enabled": 0}], [], load_services(), TODAY).faults


def test_document_intelligence_trains_with_labels_only() -> None:
    found = only(
        judged(
            row("w9", engine="document-intelligence", api_version="2024-11-30", use_label_file=0),
            engines=CLOUD,
        )
    )
    assert (found.column, "v2.1" in found.remedy) == ("use_label_file", True)


def test_two_form_types_do_not_share_a_target_table() -> None:
    rows = [row("a", target_table="dbo.All"), row("b", target_table="DBO.all"), row("c", target_table="own")]
    found = judged(*rows)
    assert [(fault.row, fault.column) for fault in found.faults] == [
        ("a", "target_table"),
        ("b", "target_table"),
    ]
    assert "b's too" in found.faults[0].allowed
    assert not judged(rows[0], rows[1] | {"enabled": False}).faults

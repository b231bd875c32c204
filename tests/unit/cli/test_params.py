from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text
from typer.main import get_command
from typer.testing import CliRunner, Result

from pipeline.cli import main, params
from pipeline.cli.console import out

FOLDERS = ("--training", "w9/training", "--backlog", "w9/backlog")


@pytest.fixture
def table(database: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Engine:
    """The database the commands work on."""
    monkeypatch.setenv("FORMPIPE_DATABASE_URL", f"sqlite:///{tmp_path / 'formpipe.db'}")
    monkeypatch.chdir(tmp_path)
    return database


def call(*arguments: str, stdin: str | None = None) -> Result:
    return CliRunner().invoke(params.app, list(arguments), input=stdin)


def answer(*arguments: str, stdin: str | None = None) -> Any:
    return json.loads(call(*arguments, "--output", "json", stdin=stdin).stdout)


def keys(table: Engine) -> list[str]:
    with table.connect() as connection:
        return list(connection.execute(text("SELECT form_type FROM form_type ORDER BY 1")).scalars())


def test_a_row_is_added_listed_and_shown(table: Engine) -> None:
    added = call("add", "w9", "--container", "forms", *FOLDERS, "--field", "SSN", "--field", "Date:date")
    assert (added.exit_code, "1 added" in added.stdout) == (0, True)
    assert "forms/w9/training/" in call("list").stdout
    shown = answer("show", "w9")
    assert shown["training_blob_root_folder"] == "w9/training/"
    assert {field["field"]: field["type"] for field in shown["fields"]} == {"SSN": "string", "Date": "date"}


def test_a_faulty_row_is_shown_with_every_fault_and_not_added(table: Engine) -> None:
    found = call(
        "add", "w9", "--container", "Forms", *FOLDERS, "--set", "min_confidence=80", "--locale", "xx"
    )
    assert found.exit_code == 1
    for column in ("training_container_name", "scoring_container_name", "min_confidence", "locale"):
        assert column in found.stdout
    assert "write a share between 0 and 1" in found.stdout
    assert keys(table) == []


def test_a_row_that_is_there_is_not_overwritten_unless_asked(table: Engine) -> None:
    call("add", "w9", "--container", "forms", *FOLDERS)
    again = call("add", "w9", "--container", "forms", *FOLDERS, "--set", "priority=5")
    assert again.exit_code == 2
    assert "already" in again.output
    replaced = answer("add", "w9", "--container", "forms", *FOLDERS, "--set", "priority=5", "--replace")
    assert replaced["changes"][0]["cells"] == [{"column": "priority", "old": "100", "new": "5"}]


def test_markup_in_a_cell_is_printed_as_it_is(table: Engine) -> None:
    call("add", "w9", "--container", "forms", *FOLDERS, "--description", "[red]a[/red] [/]")
    assert "[red]a[/red] [/]" in call("show", "w9").stdout
    assert "[red]a[/red]" in call("export").stdout
    changed = call("add", "w9", "--container", "forms", *FOLDERS, "--description", "[/x]", "--replace")
    assert "[red]a[/red] [/] -> [/x]" in changed.stdout


def test_a_set_without_a_value_is_wrong_usage(table: Engine) -> None:
    assert call("add", "w9", "--set", "locale").exit_code == 2


TWO_ROWS = """
form_types:
- {form_type: w9, training_container_name: forms, training_blob_root_folder: w9/t,
   scoring_container_name: forms, scoring_input_blob_folder: w9/b, fields: [{field: ssn, required: true}]}
- {form_type: bad, engine: lokal, enabeld: true}
"""


def test_the_good_rows_of_a_file_are_applied_and_the_faulty_shown(table: Engine, tmp_path: Path) -> None:
    (tmp_path / "forms.yaml").write_text(TWO_ROWS, encoding="utf-8")
    found = call("apply", "forms.yaml")
    assert found.exit_code == 1
    assert "did you mean 'local'?" in found.stdout
    assert "did you mean 'enabled'?" in found.stdout
    assert "1 added, 0 changed, 0 unchanged, 1 left out" in found.stdout
    assert keys(table) == ["w9"]


def test_a_dry_run_writes_nothing(table: Engine) -> None:
    found = answer("apply", "-", "--dry-run", stdin=TWO_ROWS)
    assert found["dry_run"]
    assert [change["form_type"] for change in found["changes"]] == ["w9"]
    assert {fault["row"] for fault in found["faults"]} == {"bad"}
    assert keys(table) == []


def test_an_export_that_is_applied_changes_nothing(table: Engine, tmp_path: Path) -> None:
    call("apply", "-", stdin=TWO_ROWS)
    assert call("export", "out.yaml").exit_code == 0
    assert {change["kind"] for change in answer("apply", "out.yaml")["changes"]} == {"unchanged"}
    assert call("export").stdout == (tmp_path / "out.yaml").read_text(encoding="utf-8")
    assert answer("export")["form_types"][0]["form_type"] == "w9"


def test_an_export_holds_faulty_rows_too(table: Engine) -> None:
    call("apply", "-", stdin=TWO_ROWS)
    with table.begin() as connection:
        connection.execute(text("UPDATE form_type SET locale = 'xx'"))
    [row] = answer("export")["form_types"]
    assert (row["locale"], row["fields"][0]["field"]) == ("xx", "ssn")


def test_validate_tells_of_the_table_and_of_a_file(table: Engine) -> None:
    call("apply", "-", stdin=TWO_ROWS)
    assert call("validate").exit_code == 0
    assert call("validate", "-", stdin=TWO_ROWS).exit_code == 1
    with table.begin() as connection:
        connection.execute(text("UPDATE form_type SET locale = 'xx', file_type = 'text/html'"))
    assert [fault["column"] for fault in answer("validate")["faults"]] == ["file_type", "locale"]
    assert "2 faults" in call("list").stdout
    assert call("show", "w9").exit_code == 1


@pytest.mark.parametrize("content", [b"form_types: [", b"\xff\xfe\x00", b"5"])
def test_a_file_that_is_no_list_of_rows_changes_nothing(
    table: Engine, tmp_path: Path, content: bytes
) -> None:
    (tmp_path / "forms.yaml").write_bytes(content)
    assert call("apply", "forms.yaml").exit_code != 0
    assert keys(table) == []


def test_a_file_that_is_not_there_is_wrong_usage(table: Engine) -> None:
    assert call("apply", "nowhere.yaml").exit_code == 2


def original(table: Engine) -> None:
    with table.begin() as connection:
        connection.execute(
            text(
                "CREATE TABLE ParamFormRecogniser (form_description TEXT, form_batch_group_id TEXT, "
                "model_id TEXT, training_container_name TEXT, training_blob_root_folder TEXT, "
                "scoring_container_name TEXT, scoring_input_blob_folder TEXT, "
                "scoring_output_blob_folder TEXT, file_type TEXT)"
            )
        )
        connection.execute(
            text(
                "INSERT INTO ParamFormRecogniser VALUES "
                "('Acme', NULL, '-1', 'train', '/acme', 'score', 'acme', 'acme-out', 'image/tif'), "
                "('Acme', NULL, '-1', 'train', '/acme2', 'score', 'acme2', 'acme2-out', 'image/tif')"
            )
        )


def test_the_table_of_the_original_recipe_is_taken_over(table: Engine) -> None:
    original(table)
    found = call("import", "--from-table", "dbo.ParamFormRecogniser")
    assert found.exit_code == 0
    assert keys(table) == ["acme", "acme_2"]
    assert answer("show", "acme")["file_type"] == "image/tiff"


def test_an_import_leaves_rows_that_are_there(table: Engine) -> None:
    original(table)
    call("import", "--from-table", "ParamFormRecogniser")
    with table.begin() as connection:
        connection.execute(text("UPDATE form_type SET priority = 7"))
    again = call("import", "--from-table", "ParamFormRecogniser")
    assert "acme is there already: kept" in again.stderr
    assert answer("show", "acme")["priority"] == 7
    call("import", "--from-table", "ParamFormRecogniser", "--replace")
    assert answer("show", "acme")["priority"] == 100


def enabled(listed: str) -> list[str]:
    return [line.split()[2] for line in listed.splitlines()[1:]]


def test_rows_are_disabled_and_enabled(table: Engine) -> None:
    call("apply", "-", stdin=TWO_ROWS)
    assert call("disable", "w9").exit_code == 0
    assert enabled(call("list").stdout) == ["no"]
    call("enable", "w9")
    assert enabled(call("list").stdout) == ["yes"]


@pytest.mark.parametrize("command", ["show", "disable", "enable", "purge"])
def test_a_key_that_is_not_there_is_wrong_usage(table: Engine, command: str) -> None:
    call("apply", "-", stdin=TWO_ROWS)
    found = call(command, "w8")
    assert found.exit_code == 2
    assert "did you mean 'w9'?" in found.output
    assert keys(table) == ["w9"]


def test_a_purge_asks_first(table: Engine) -> None:
    call("apply", "-", stdin=TWO_ROWS)
    assert call("purge", "w9", stdin="n\n").exit_code != 0
    assert keys(table) == ["w9"]
    assert call("purge", "w9", "--yes").exit_code == 0
    assert keys(table) == []


def add(key: str, **cells: str) -> None:
    folders = ("--training", f"{key}/training", "--backlog", f"{key}/backlog")
    sets = [word for column, cell in cells.items() for word in ("--set", f"{column}={cell}")]
    added = call("add", key, "--container", "forms", *folders, *sets)
    assert added.exit_code == 0, added.output


def test_several_rows_are_purged_disabled_and_enabled_at_once(table: Engine) -> None:
    for key in ("a", "b", "c", "d"):
        add(key)
    assert call("disable", "a", "b").exit_code == 0
    assert enabled(call("list").stdout) == ["no", "no", "yes", "yes"]
    assert call("enable", "a", "b", "c").exit_code == 0
    assert enabled(call("list").stdout) == ["yes"] * 4
    assert call("purge", "a", "b", stdin="n\n").exit_code == 2
    purged = answer("purge", "a", "b", "a", "--yes")["purged"]
    assert [each["form_type"] for each in purged] == ["a", "b"]
    assert keys(table) == ["c", "d"]


def test_a_purge_with_one_key_that_is_not_there_removes_nothing(table: Engine) -> None:
    add("a")
    assert call("purge", "a", "nothing", "--yes").exit_code == 2
    assert keys(table) == ["a"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--container", "forms", "--training", "a"), "--backlog is missing"),
        (("--container", "forms", "--backlog", "a"), "--training is missing"),
        (FOLDERS, "--container is missing"),
        ((*FOLDERS, "--training-container", "forms"), "--container is missing"),
        ((), "--container and --training and --backlog are missing"),
    ],
)
def test_a_place_that_is_not_said_is_wrong_usage(table: Engine, options: tuple[str, ...], said: str) -> None:
    found = call("add", "x9", *options)
    assert found.exit_code == 2
    assert said in found.stderr
    assert keys(table) == []


def test_a_place_is_also_said_by_set_or_apart(table: Engine) -> None:
    apart = ("--training-container", "forms", "--backlog-container", "inbox")
    assert call("add", "a", "--training", "a", *apart, "--backlog", "").exit_code == 0
    cells = ("--set", "scoring_input_blob_folder=b/backlog")
    assert call("add", "b", "--container", "forms", "--training", "b/training", *cells).exit_code == 0
    assert keys(table) == ["a", "b"]


def test_the_list_keeps_keys_whole_on_a_narrow_terminal(
    table: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    longest = "a_form_type_whose_key_is_as_long_as_can_"[:39] + "b"
    add(longest)
    add("w9", model_id="local-w9-v3")
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setattr(out, "_width", 80)
    monkeypatch.setattr(out, "_height", 25)
    lines = re.sub(r"\x1b\[[0-9;]*m", "", call("list").stdout).splitlines()
    assert max(map(len, lines)) <= 80
    assert any(line.startswith(f"{longest} ") for line in lines)
    assert next(line for line in lines if line.startswith("w9 ")).split()[-1] == "v3"


def test_the_list_leaves_out_what_the_key_says_and_names_another_container(table: Engine) -> None:
    add("w9", scoring_container_name="inbox")
    add("tax", form_batch_group_id="all", model_id="local-all-v2")
    shared, own = (line.split() for line in call("list").stdout.splitlines()[1:])
    assert shared == ["tax", "local", "yes", "forms/tax/training/", "tax/backlog/", "local-all-v2"]
    assert own[3:5] == ["forms/w9/training/", "inbox/w9/backlog/"]
    assert own[5:] == ["none"]


COMMANDS = ["list", "show", "add", "apply", "export", "validate", "import", "disable", "enable", "purge"]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_help_has_an_example(command: str) -> None:
    found = call(command, "--help")
    assert found.exit_code == 0
    assert f"Example: formpipe params {command}" in " ".join(found.stdout.split())


def test_the_commands_are_all_tested_here() -> None:
    assert len(params.app.registered_commands) == len(COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_help_of_80_columns_cuts_no_name_off(command: str) -> None:
    found = CliRunner().invoke(
        main.app, ["params", command, "--help"], terminal_width=80, env={"COLUMNS": "80"}
    )
    assert found.exit_code == 0
    assert "…" not in found.stdout
    options = get_command(params.app).commands[command].params  # type: ignore[attr-defined]
    for option in options:
        for name in (*option.opts, *option.secondary_opts):
            if name.startswith("--"):
                assert re.search(rf"{name}(?![\w-])", found.stdout), name


def test_the_help_marks_what_add_cannot_do_without() -> None:
    help_text = re.sub(r"[│\s]+", " ", call("add", "--help").stdout)
    for option in ("--container", "--training", "--backlog"):
        said = help_text.split(f" {option} ", 1)[1].split(" --", 1)[0]
        assert "[required]" in said, option

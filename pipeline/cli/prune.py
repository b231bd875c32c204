"""`formpipe models prune`: delete the models that nobody needs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated, Any

import typer
from rich.markup import escape

from pipeline.cli.console import Exit, err, out
from pipeline.cli.tables import Output, OutputOption, print_json, print_table
from pipeline.orchestrator.pruning import Removal, look, prune_group
from pipeline.orchestrator.survey import load_rows, require_known
from pipeline.params.rules import Validated
from pipeline.training.janitor import Prunable
from pipeline.training.membership import group_rows
from pipeline.types import FormType, ModelVersion
from pipeline.wiring import App, open_app, remote_engines

_COLUMNS = ("group", ">version", "engine", "model", "because")


def prune(
    form_type: Annotated[
        str | None, typer.Option("--form-type", "-f", help="Only the models of this one.", show_default=False)
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would go.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    output: OutputOption = Output.TEXT,
) -> None:
    """Delete models that are invalid, or retired beyond keep_versions: on the service and here. The one in
    use, the one a rollback returns to and those that rows name stay; every version stays listed.

    Exit code 0: done, or nothing to do; 1: some could not be deleted.
    """
    app = open_app()
    groups = _groups(load_rows(app.sources), form_type)
    found = look(app.database, groups)
    if output is Output.TEXT:
        _show(found)
    if dry_run or not found or not (yes or _confirmed(len(found), output)):
        _end(found, (), output)
        return
    removals = _carry_out(app, groups, found)
    _end(found, removals, output)
    if any(removal.error for removal in removals):
        raise typer.Exit(Exit.ATTENTION)


def _groups(validated: Validated, form_type: str | None) -> list[tuple[FormType, ...]]:
    """All rows of each group that is looked at. Raises RunError `unknown-form-type`."""
    require_known(frozenset([form_type] if form_type else ()), validated)
    groups = list(group_rows(validated.form_types).values())
    if form_type is None:
        return groups
    return [rows for rows in groups if any(row.form_type == form_type for row in rows)]


def _confirmed(count: int, output: Output) -> bool:
    """A program that reads JSON cannot be asked: it says --yes."""
    return output is Output.TEXT and typer.confirm(f"Delete {_models(count)}?")


def _carry_out(
    app: App, groups: Sequence[tuple[FormType, ...]], found: Sequence[Prunable]
) -> tuple[Removal, ...]:
    terms = app.lease_terms()
    engine_of = remote_engines(app)
    removals: list[Removal] = []
    for rows in groups:
        chosen = [each for each in found if each.version.group == rows[0].group]
        if chosen:
            removals += prune_group(app.database, rows, chosen, engine_of, terms)
    return tuple(removals)


# --- answers ------------------------------------------------------------------------------------------


def _show(found: Sequence[Prunable]) -> None:
    if found:
        print_table(_COLUMNS, [_line(each) for each in found])
    else:
        out.print("No model is to be deleted.")


def _line(each: Prunable) -> tuple[object, ...]:
    version = each.version
    return (version.group, version.version, _engine(version), version.service_model_id, each.why)


def _engine(version: ModelVersion) -> str:
    return " ".join(filter(None, (version.engine, version.api_version)))


def _end(found: Sequence[Prunable], removals: Sequence[Removal], output: Output) -> None:
    errors = [removal for removal in removals if removal.error]
    done = len(removals) - len(errors)
    if output is Output.JSON:
        ended = {removal.version.id: removal for removal in removals}
        print_json([_json(each, ended.get(each.version.id)) for each in found])
        return
    for removal in errors:
        name = f"{removal.version.group} version {removal.version.version}"
        err.print(f"[red]not deleted[/red] {escape(name)}: {escape(str(removal.error))}")
    if found:
        out.print(f"[green]{_models(done)} deleted.[/green]" if done else "Nothing was deleted.")


def _json(each: Prunable, removal: Removal | None) -> dict[str, Any]:
    same = ("group", "version", "engine", "api_version")
    told = asdict(each.version)
    error = removal.error if removal else None
    return {name: told[name] for name in same} | {
        "model_id": each.version.service_model_id,
        "because": each.why,
        "deleted": removal is not None and error is None,
        "error": error.reason if error else None,
    }


def _models(count: int) -> str:
    return "1 model" if count == 1 else f"{count} models"

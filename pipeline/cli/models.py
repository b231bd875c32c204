"""`formpipe models`: the versions of a group's model, what they score, and which one is in use."""

from __future__ import annotations

import getpass
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from rich.markup import escape
from sqlalchemy import Connection

from pipeline.cli.console import out
from pipeline.cli.models_text import print_texts, texts_as_data
from pipeline.cli.prune import prune
from pipeline.cli.tables import Output, OutputOption, cell, print_json, print_table, short_time
from pipeline.db import models as statements
from pipeline.training import registry
from pipeline.types import Evaluation, FieldScore, ModelVersion
from pipeline.wiring import open_app

app = typer.Typer(no_args_is_help=True, help="See and choose the models that score.")

app.command(epilog="Example: formpipe models prune --form-type invoices --dry-run")(prune)

Group = Annotated[str, typer.Argument(help="A group, or a form type of it.", show_default=False)]

_METHODS = {
    "hold-out": "on forms held out of training for good",
    "cross-validation": "by cross-validation: each form scored by a model that had not seen it",
    "service": "by the service itself: its own accuracy of each field",
    "none": "not measured",
}


@app.command("list", epilog="Example: formpipe models list invoices")
def list_versions(
    group: Annotated[str | None, typer.Argument(help="Only this group.", show_default=False)] = None,
    output: OutputOption = Output.TEXT,
) -> None:
    """Every version of every model: state, F1, what it was trained on, why it is where it is."""
    with open_app().database.begin() as connection:
        name = _group(connection, group) if group else None
        found, scores = statements.versions(connection, name), statements.f1_scores(connection, name)
    if output is Output.JSON:
        print_json([_summary(version, scores.get(version.id)) for version in found])
    elif not found:
        out.print("No model yet: `formpipe run` trains one for every row.")
    else:
        columns = ("group", ">version", "state", ">F1", ">forms", "engine", "created", "reason")
        now = datetime.now(UTC)
        lines = [_line(version, scores.get(version.id), now) for version in found]
        print_table(columns, lines, silent={"engine": "local"})


@app.command(epilog="Example: formpipe models show invoices --version 3")
def show(
    group: Group,
    version: Annotated[
        int | None, typer.Option(help="Its number; without one, the version in use.", show_default=False)
    ] = None,
    output: OutputOption = Output.TEXT,
) -> None:
    """One version: scores per field, entity or class, how they were measured, which forms or texts came out
    wrong, why it is used."""
    with open_app().database.begin() as connection:
        found = registry.find(connection, _group(connection, group), version)
    if output is Output.JSON:
        print_json(_details(found))
    else:
        _print_details(found)


@app.command(epilog="Example: formpipe models promote invoices 2")
def promote(
    group: Group, version: Annotated[int, typer.Argument(help="The number of the version to score with.")]
) -> None:
    """Score with a version from the next run on, whatever the gate said of it."""
    with open_app().database.begin() as connection:
        chosen = registry.find(connection, _group(connection, group), version)
        person = _person()
        reason = f"chosen by {person}"
        done = registry.promote(
            connection, chosen.id, by=person, now=datetime.now(UTC), reason=reason, overwrite=True
        )
    _say_active(done)


@app.command(epilog="Example: formpipe models rollback invoices")
def rollback(group: Group) -> None:
    """Go back to the version that was in use before. The one left is not trained again from the same set."""
    with open_app().database.begin() as connection:
        done = registry.roll_back(connection, _group(connection, group), by=_person(), now=datetime.now(UTC))
    _say_active(done)


def _group(connection: Connection, name: str) -> str:
    """A group by its own name, or by one of its form types."""
    if statements.versions(connection, name):
        return name
    return statements.group_of(connection, name) or name


def _person() -> str:
    """Who is at the terminal; containers may have no user name."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "a person"


def _say_active(version: ModelVersion) -> None:
    out.print(
        f"[green]{escape(version.group)} scores with version {version.version}[/green] "
        f"({escape(version.service_model_id)}).\n"
        "Documents that are done keep their values: `formpipe run --rescore` scores them again."
    )


# --- records to answers -----------------------------------------------------------------------------


def _f1(version: ModelVersion) -> float | None:
    return version.evaluation.f1 if version.evaluation else None


def _line(version: ModelVersion, f1: float | None, now: datetime) -> tuple[object, ...]:
    created = short_time(version.created_at, now)
    engine = " ".join(filter(None, (version.engine, version.api_version)))
    identity = (version.group, version.version, version.state, f1)
    return (*identity, version.training_documents or None, engine, created, version.reason)


def _summary(version: ModelVersion, f1: float | None) -> dict[str, Any]:
    same = ("group", "version", "state", "engine", "api_version", "model_kind", "training_documents")
    times = ("created_at", "promoted_at", "promoted_by", "reason", "fingerprint")
    summary = {name: getattr(version, name) for name in (*same, *times)}
    return summary | {"model_id": version.service_model_id, "f1": f1}


def _details(version: ModelVersion) -> dict[str, Any]:
    evaluation = version.evaluation or Evaluation("none")
    if evaluation.texts is not None:  # these have counts of their own, by find and not by form
        evaluation = replace(evaluation, outcomes=())
    scores = [_score(score) for score in evaluation.fields]
    wrong = {field: list(forms) for field, forms in _wrong(evaluation).items()}
    return _summary(version, _f1(version)) | {
        "evaluation": evaluation.method,
        "overall": _score(evaluation.overall) if evaluation.outcomes else None,
        "fields": scores,
        "accuracies": dict(evaluation.accuracies),
        "wrong": wrong,
        "texts": texts_as_data(evaluation.texts) if evaluation.texts else None,
    }


def _score(score: FieldScore) -> dict[str, Any]:
    counts = {"correct": score.correct, "predicted": score.predicted, "expected": score.expected}
    figures = {"precision": score.precision, "recall": score.recall, "f1": score.f1}
    return {"field": score.field or None, **{k: round(v, 4) for k, v in figures.items()}, **counts}


def _wrong(evaluation: Evaluation) -> Mapping[str, dict[str, None]]:
    """The forms in which a field came out wrong, by field."""
    forms: defaultdict[str, dict[str, None]] = defaultdict(dict)
    for outcome in evaluation.outcomes:
        if outcome.wrong:
            forms[outcome.field][outcome.form] = None
    return forms


def _print_details(version: ModelVersion) -> None:
    for name, value in _summary(version, _f1(version)).items():
        if value not in (None, ""):
            out.print(f"{name:<20}{escape(cell(value))}")
    evaluation = version.evaluation or Evaluation("none")
    if evaluation.texts is not None and evaluation.texts.categories:
        print_texts(evaluation.texts)
        return
    out.print(f"\nMeasured {_METHODS[evaluation.method]}.")
    if evaluation.accuracies:
        print_table(("field", ">accuracy"), evaluation.accuracies)
    if not evaluation.outcomes:
        return
    columns = ("field", ">precision", ">recall", ">F1", ">right", ">given", ">labelled")
    print_table(columns, [_score_cells(score) for score in (*evaluation.fields, evaluation.overall)])
    wrong = _wrong(evaluation)
    if wrong:
        out.print("\nCame out wrong (label more forms like these, or check their labels):")
        print_table(("field", "forms"), [(field, ", ".join(forms)) for field, forms in wrong.items()])


def _score_cells(score: FieldScore) -> tuple[object, ...]:
    counts = (score.correct, score.predicted, score.expected)
    return (score.field or "all", score.precision, score.recall, score.f1, *counts)

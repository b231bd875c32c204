"""`formpipe plan`: what a run would do, what it would take, and why."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape

from pipeline.cli.console import Exit, out
from pipeline.cli.limits import MaxCost, MaxPages, MaxTrainRuns, run_limits
from pipeline.cli.tables import Output, OutputOption, print_json, print_table, say_faults
from pipeline.orchestrator.allowance import RunLimits, rest
from pipeline.orchestrator.plan import RowPlan, make_plan
from pipeline.orchestrator.reckoning import Takes, Terms, total
from pipeline.orchestrator.survey import load_rows, require_known, survey
from pipeline.outlets import obstacles
from pipeline.params.routing_notes import routing_notes
from pipeline.params.service_notes import service_notes
from pipeline.params.sink_notes import sink_notes
from pipeline.prices import NOTHING, Prices, load_prices
from pipeline.rates import raised
from pipeline.reports.text import duration
from pipeline.types import Finding, FormType
from pipeline.wiring import App, open_app, utc_now

FormTypes = Annotated[
    list[str] | None,
    typer.Option("--form-type", "-f", help="Only this form type; may be given again.", show_default=False),
]
Rescore = Annotated[
    bool, typer.Option("--rescore", help="Also score again what another model version scored.")
]


def plan(
    form_type: FormTypes = None,
    rescore: Rescore = False,
    max_pages: MaxPages = None,
    max_cost: MaxCost = None,
    max_train_runs: MaxTrainRuns = None,
    output: OutputOption = Output.TEXT,
) -> None:
    """What a run would do, why, and what it would take. Nothing is changed. Exit code 0: nothing to do, 10:
    something."""
    app = open_app()
    chosen = frozenset(form_type or ())
    validated = load_rows(app.sources)
    require_known(chosen, validated)
    terms = plan_terms(app, run_limits(app.settings, max_pages, max_cost, max_train_runs))
    states = survey(app.sources, validated.form_types, chosen)
    plans = make_plan(states, rescore=rescore, terms=terms)
    faults = [fault for fault in validated.faults if not chosen or fault.row in chosen]
    notes = _notes(app, [row for row in validated.form_types if not chosen or row.form_type in chosen])
    classes = {state.row.form_type: state.classes for state in states}
    of_routers = routing_notes(validated.form_types, classes)
    notes += [note for note in of_routers if not chosen or note.subject in chosen]
    if output is Output.JSON:
        told = {"faults": [asdict(fault) for fault in faults], "notes": [asdict(note) for note in notes]}
        print_json(_as_data(plans) | told)
    else:
        print_plan(plans, terms.prices)
        say_faults(faults)
        for note in notes:
            out.print(f"[yellow]note[/yellow] {escape(note.subject)}: {escape(note.message)}")
    if any(each.work for each in plans):
        raise typer.Exit(Exit.WORK)
    raise typer.Exit(Exit.ATTENTION if faults or any(each.obstacle for each in plans) else Exit.OK)


def plan_terms(app: App, limits: RunLimits) -> Terms:
    """What a plan is reckoned with on this machine."""
    tier = app.settings.service_tier
    rates = {
        name: raised(service.tiers[tier].per_second, app.settings.service_rates, name)
        for name, service in app.services.items()
        if tier in service.tiers
    }
    return Terms(limits, load_prices(tier), rates, app.settings.workers)


def _notes(app: App, rows: Sequence[FormType]) -> list[Finding]:
    """What is to be known of the services and sinks that these rows use."""
    services = service_notes(rows, app.services, utc_now().date(), app.settings.service_tier)
    return [*services, *sink_notes(rows, obstacles(app.settings))]


def _as_data(plans: Sequence[RowPlan]) -> dict[str, Any]:
    rows = [asdict(each) | {"work": each.work} | {"takes": _takes_as_data(each.takes)} for each in plans]
    return {"rows": rows, "total": _takes_as_data(total(each.takes for each in plans))}


def _takes_as_data(takes: Takes) -> dict[str, Any]:
    calls = asdict(takes.calls) | {"total": takes.calls.total}
    return asdict(takes) | {"calls": calls}


def print_plan(plans: Sequence[RowPlan], prices: Prices, console: Console = out) -> None:
    """What would be done and why; what it takes, where there is something to do; what limits leave."""
    if not plans:
        console.print("No form type yet: `formpipe params add --help` shows how to add one.")
        return
    columns = ("form type", "model", "because", ">documents", "backlog")
    print_table(columns, (_done_line(each) for each in plans), console)
    busy = [each for each in plans if _takes_anything(each.takes)]
    if not busy:
        return
    console.print()
    lines = [_takes_line(each.form_type, each.takes) for each in busy]
    if len(busy) > 1:
        lines.append(_takes_line("all", total(each.takes for each in busy)))
    print_table(_TAKES, lines, console, silent={">layouts": "0"})
    for sentence in _ends(busy):
        console.print(sentence, markup=False, soft_wrap=not console.is_terminal)
    for sentence in _explanations(busy, prices):
        console.print(sentence, style="dim", markup=False, soft_wrap=not console.is_terminal)


_TAKES = ("it takes", ">documents", ">pages", ">layouts", ">calls", ">time", "price")


def _done_line(plan: RowPlan) -> tuple[Any, ...]:
    why = plan.obstacle or plan.training_reason
    return (plan.form_type, plan.training, why, f"{plan.documents:,}", plan.reason)


def _takes_line(name: str, takes: Takes) -> tuple[str, ...]:
    pages = f"~{takes.pages:,}" if takes.documents else "0"
    calls, price = f"{takes.calls.total:,}", str(takes.cost)
    layouts = f"~{takes.layout_pages:,}" if takes.layout_pages else "0"
    return (name, f"{takes.documents:,}", pages, layouts, calls, _time(takes), price)


def _time(takes: Takes) -> str:
    if takes.seconds is None:
        return "unknown"
    told = duration(takes.seconds)
    return f"over {told}" if takes.at_least else told


def _takes_anything(takes: Takes) -> bool:
    return bool(takes.documents or takes.calls.total or takes.held_by or takes.at_least)


def _ends(plans: Sequence[RowPlan]) -> Iterator[str]:
    """Where limits end the work, and what they leave."""
    for plan in plans:
        takes = plan.takes
        if takes.held_by is not None:
            left = rest(takes.left_documents, takes.left_pages, takes.left_cost)
            yield f"{plan.form_type} stops at {takes.held_by}: {left} left for later runs"


def _explanations(plans: Sequence[RowPlan], prices: Prices) -> Iterator[str]:
    """How the figures were come by."""
    yield (
        "~ pages are an estimate (documents times the mean so far, or one each): nobody has counted those of "
        "new documents."
    )
    if any(plan.takes.calls.total for plan in plans):
        yield "calls: one to submit and about two to poll for each document, layout and training."
    if any(plan.takes.at_least or plan.takes.seconds is None for plan in plans):
        yield "over: without training, and without what nobody has timed yet."
    if any(plan.takes.cost != NOTHING for plan in plans):
        yield _source(prices)


def _source(prices: Prices) -> str:
    days = [price.read for items in prices.engines.values() for price in items.values() if price.read]
    read = f" on {max(days)}" if days else ""
    return (
        f"price: list prices in US dollars as looked up{read} (config/prices.toml names each source), from "
        "the cheapest commitment tier to pay as you go; yours may differ."
    )

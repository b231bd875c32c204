"""What `formpipe plan` shows, to a person at a terminal of 100 columns and to a program."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from io import StringIO

import pytest
from rich.console import Console
from typer.testing import Result

from pipeline.cli.plan import print_plan
from pipeline.orchestrator.allowance import RunLimits
from pipeline.orchestrator.plan import RowState, make_plan
from pipeline.orchestrator.reckoning import Terms
from pipeline.prices import load_prices
from pipeline.scoring.backlog import BacklogChanges
from pipeline.services import load_services
from pipeline.training.decision import TrainingDecision
from pipeline.types import FormType

KEEP = TrainingDecision("keep", "training set unchanged since version 3", 3)
TRAIN = TrainingDecision("train", "first model")
RATES = {name: tier.per_second for name, each in load_services().items() for tier in each.tiers.values()}


def state(
    name: str, engine: str, documents: int, decision: TrainingDecision = KEEP, **more: object
) -> RowState:
    version = {"document-intelligence": "2024-11-30", "language": "2023-04-01"}.get(engine)
    known = {key: more.pop(key) for key in list(more) if hasattr(RowState, key)}
    kind = "entities" if engine == "language" else "form"
    row = FormType(
        name, name, "c", "t/", "c", "b/", engine=engine, api_version=version, model_kind=kind, **more  # type: ignore[arg-type]
    )  # fmt: skip
    return RowState(row, decision, BacklogChanges(listed=documents, new=documents), **known)  # type: ignore[arg-type]


def shown(states: list[RowState], width: int = 100, **limits: object) -> list[str]:
    prices = load_prices()
    terms = Terms(RunLimits(**limits), prices, RATES, workers=4)  # type: ignore[arg-type]
    console = Console(file=StringIO(), width=width, force_terminal=True, color_system=None, highlight=False)
    print_plan(make_plan(states, terms=terms), prices, console)
    assert isinstance(console.file, StringIO)
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


MIXED = [
    state("claims", "document-intelligence", 12_000, max_pages_per_run=5000, pages_per_document=3.4,
          seconds_per_document=4.5, parallelism=60),
    state("invoices", "form-recognizer", 40, TRAIN, layouts=6, layout_pages=9),
    state("receipts", "local", 900, pages_per_document=1.0, seconds_per_document=0.8),
]  # fmt: skip

AT_A_TERMINAL = """\
form type  model  because                                 documents  backlog
claims     keep   training set unchanged since version 3     12,000  12000 new
invoices   train  first model                                    40  40 new
receipts   keep   training set unchanged since version 3        900  900 new

it takes  documents   pages  layouts  calls             time  price
claims        1,470  ~5,000        0  4,410       1 min 50 s  USD 105.00 to 150.00
invoices         40     ~40       ~9    141       over 3.1 s  USD 0.92 to 2.09
receipts        900    ~900        0      0       3 min 00 s  free
all           2,410  ~5,940       ~9  4,551  over 4 min 53 s  USD 105.92 to 152.09
claims stops at max_pages_per_run 5,000: 10,530 documents (about 35,802 pages, USD 751.85 to
1,074.06) left for later runs
"""


def test_at_a_terminal_it_says_what_is_done_what_it_takes_and_where_it_stops() -> None:
    lines = shown(MIXED)
    assert "\n".join(lines).startswith(AT_A_TERMINAL)
    assert lines[-2].startswith("price: list prices in US dollars as looked up on ")


@pytest.mark.parametrize("width", [80, 100, 140])
def test_no_line_is_wider_than_the_terminal_and_no_number_is_cut(width: int) -> None:
    lines = shown(MIXED, width)
    assert max(map(len, lines)) <= width
    assert "150.00" in "\n".join(lines)
    assert "12,000" in "\n".join(lines)


def test_a_price_that_nobody_found_is_said() -> None:
    lines = shown([state("letters", "language", 5)])
    assert any(line.startswith("letters") and line.endswith("price unknown") for line in lines)
    held = " ".join(shown([state("letters", "language", 5)], cost=Decimal(1)))
    assert "letters stops at the run's max_cost USD 1, for the price is unknown: 5 documents" in held


def test_where_nothing_is_to_be_done_nothing_is_reckoned() -> None:
    assert len(shown([state("idle", "local", 0)])) == 2


Run = Callable[..., Result]


def test_a_program_gets_the_same_as_data(run: Run, row: Callable[..., None]) -> None:
    row("bills", max_cost_per_run=Decimal("1.50"))
    answer = json.loads(run("plan", "--output", "json").stdout)
    takes = answer["rows"][0]["takes"]
    assert takes["calls"] == {"analyses": 0, "layouts": 0, "trainings": 0, "polls": 0, "total": 0}
    assert set(answer["total"]) == set(takes)


@pytest.mark.parametrize(
    ("option", "value"),
    [("--max-cost", "-1"), ("--max-cost", "nan"), ("--max-cost", "much"), ("--max-pages", "0")],
)
@pytest.mark.parametrize("command", ["plan", "run"])
def test_a_limit_that_is_none_is_refused(run: Run, command: str, option: str, value: str) -> None:
    assert run(command, option, value).exit_code == 2


def test_the_option_wins_over_the_setting(
    run: Run, row: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    from pipeline.cli.limits import run_limits
    from pipeline.settings import load_settings

    monkeypatch.setenv("FORMPIPE_RUN_MAX_PAGES", "10")
    monkeypatch.setenv("FORMPIPE_RUN_MAX_COST", "2.50")
    monkeypatch.setenv("FORMPIPE_RUN_MAX_TRAIN_RUNS", "0")
    settings = load_settings()
    assert run_limits(settings, None, None, None) == RunLimits(10, Decimal("2.50"), 0)
    assert run_limits(settings, 7, Decimal(1), 3) == RunLimits(7, Decimal(1), 3)

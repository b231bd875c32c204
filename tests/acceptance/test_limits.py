"""Runs that stop at their limits, against a service that counts what it is asked: the rest stays pending."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pypdfium2
import pytest
from sqlalchemy import create_engine, select, update

from pipeline.db import tables
from tests.azure.azurite import AzuriteMissingError
from tests.azure.lake import row_of, small_lake, upload
from tests.azure.rehearsal import Cloud, cloud

pytestmark = pytest.mark.xdist_group("limits")

TRAINED = 5
PAGE_PRICE = Decimal("0.05")
"""Of custom extraction on Form Recognizer at the high end (config/prices.toml)."""


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """Two rows of one service that share a model, and nothing in their backlogs."""
    lake = tmp_path_factory.mktemp("lake")
    small_lake(lake, training=TRAINED, backlog=0)
    rows = [row("first"), row("second")]
    try:
        with cloud(tmp_path_factory.mktemp("cloud"), lake, rows) as found:
            assert run(found) == 0, found.side.told
            assert found.emulator.accepted("analyze") == 0
            yield found
    except AzuriteMissingError as error:
        pytest.skip(str(error))


def row(name: str, **changes: Any) -> dict[str, Any]:
    plain = row_of("purchase_invoice", engine="form-recognizer", api_version="v2.1", parallelism=4)
    folders = {"scoring_input_blob_folder": f"{name}/", "scoring_output_blob_folder": None}
    return plain | folders | {"form_type": name, "form_batch_group_id": "shared"} | changes


def change(found: Cloud, name: str, **columns: object) -> None:
    engine = create_engine(f"sqlite:///{found.side.database}")
    with engine.begin() as connection:
        connection.execute(
            update(tables.form_type).where(tables.form_type.c.form_type == name).values(columns)
        )
    engine.dispose()


def deliver(found: Cloud, folder: Path, name: str, documents: int, pages: int) -> None:
    """New documents of so many pages each, the pages of a form over and over."""
    small_lake(folder, training=0, backlog=documents, seed=documents)
    container = found.azurite.first.container("forms")
    forms = sorted((folder / "forms" / "purchase_invoice" / "backlog").glob("*.pdf"))
    assert forms
    for number in range(documents):
        with pypdfium2.PdfDocument(forms[number % len(forms)]) as form, pypdfium2.PdfDocument.new() as made:
            for _ in range(pages):
                made.import_pages(form, [0])
            file = folder / f"{number}.pdf"
            made.save(file)
        container.upload_blob(f"{name}/{pages}-{number}.pdf", file.read_bytes(), overwrite=True)


def run(found: Cloud, *options: str) -> int:
    return found.side.formpipe("run", *options)


def rows_of_last_run(found: Cloud) -> dict[str, Any]:
    row = tables.run_row
    last = max(each.run_id for each in found.side.query(select(row.c.run_id)))
    return {each.form_type: each for each in found.side.query(select(row).where(row.c.run_id == last))}


def pending(found: Cloud, name: str) -> int:
    document = tables.document
    stages = select(document.c.stage, document.c.attempts).where(document.c.form_type == name)
    left = [each for each in found.side.query(stages) if each.stage != "done"]
    assert all((each.stage, each.attempts) == ("pending", 0) for each in left)
    return len(left)


def test_the_bill_is_not_a_page_too_high(running: Cloud, tmp_path: Path) -> None:
    """Seven pages a run, documents of two: three are asked for, then three, then the rest."""
    change(running, "first", max_pages_per_run=7)
    deliver(running, tmp_path / "forms", "first", documents=8, pages=2)
    plan = planned(running, "first")
    assert (plan["documents"], plan["pages"]) == (8, 7)
    for submitted, left in ((3, 5), (3, 2), (2, 0)):
        before = running.emulator.accepted("analyze")
        assert run(running, "-f", "first") == 0, running.side.told[-2:]
        assert running.emulator.accepted("analyze") - before == submitted
        assert pending(running, "first") == left
        told = rows_of_last_run(running)["first"]
        assert (told.state, told.left_over, told.pages) == ("finished", left, 2 * submitted)
        assert told.cost == 2 * submitted * PAGE_PRICE
        if left:
            reason = f"stopped at max_pages_per_run 7: {left} documents (about {2 * left} pages, USD "
            assert reason in told.reason
            assert reason in running.side.told[-2]
    assert set(running.side.outcomes().values()) <= {"loaded", "partial"}
    change(running, "first", max_pages_per_run=None)


def planned(found: Cloud, name: str, *options: str) -> dict[str, Any]:
    assert found.side.formpipe("plan", "-f", name, "--output", "json", *options) == 10, found.side.told[-2:]
    answer: dict[str, Any] = json.loads(found.side.told[-2])["rows"][0]
    return answer


def test_two_rows_share_what_a_run_may_cost(running: Cloud, tmp_path: Path) -> None:
    for name in ("first", "second"):
        deliver(running, tmp_path / name, name, documents=4, pages=3)
    before = running.emulator.accepted("analyze")
    assert run(running, "--max-cost", "0.80") == 0, running.side.told[-2:]
    assert running.emulator.accepted("analyze") - before == 5
    rows = rows_of_last_run(running)
    assert [(rows[name].state, rows[name].left_over) for name in ("first", "second")] == [
        ("finished", 0),
        ("finished", 3),
    ]
    assert "stopped at the run's max_cost USD 0.80: 3 documents (about 9 pages" in rows["second"].reason
    assert sum(each.cost for each in rows.values()) == 15 * PAGE_PRICE
    assert run(running) == 0, running.side.told[-2:]
    assert running.emulator.accepted("analyze") - before == 8
    assert pending(running, "first") == pending(running, "second") == 0


def test_a_row_that_comes_after_a_runs_pages_are_used_up_stays_as_it_is(
    running: Cloud, tmp_path: Path
) -> None:
    for name in ("first", "second"):
        deliver(running, tmp_path / name, name, documents=2, pages=4)
    before = running.emulator.accepted("analyze")
    assert run(running, "--max-pages", "8") == 0, running.side.told[-2:]
    assert running.emulator.accepted("analyze") - before == 2
    told = rows_of_last_run(running)["second"]
    assert (told.state, told.left_over, told.cost) == ("finished", 2, None)
    assert "stopped at the run's max_pages 8: 2 documents" in told.reason
    assert run(running) == 0
    assert running.emulator.accepted("analyze") - before == 4


def test_a_document_over_the_whole_limit_is_named_and_the_others_are_scored(
    running: Cloud, tmp_path: Path
) -> None:
    change(running, "first", max_pages_per_run=4)
    deliver(running, tmp_path / "long", "first", documents=1, pages=5)
    deliver(running, tmp_path / "short", "first", documents=1, pages=1)
    before = running.emulator.accepted("analyze")
    assert run(running, "-f", "first") == 0, running.side.told[-2:]
    assert running.emulator.accepted("analyze") - before == 1
    told = rows_of_last_run(running)["first"]
    assert "first/5-0.pdf with 5 pages is over max_pages_per_run 4 by itself" in told.reason
    assert (told.left_over, pending(running, "first")) == (1, 1)
    change(running, "first", max_pages_per_run=None)
    assert run(running, "-f", "first") == 0


def test_layouts_and_trainings_stop_at_a_runs_limits_and_are_gone_on_with(
    running: Cloud, tmp_path: Path
) -> None:
    small_lake(tmp_path, training=TRAINED, backlog=0, seed=99)
    container = running.azurite.first.container("forms")
    for path in upload(tmp_path, running.azurite.first, under="purchase_invoice/training"):
        container.upload_blob(f"own/{path.rsplit('/', 1)[-1]}", container.download_blob(path).readall())
    columns = {"form_batch_group_id": "third", "training_blob_root_folder": "own/", "max_train_runs": 1}
    own = row("third", **columns)
    running.side.add([own])
    deliver(running, tmp_path / "backlog", "third", documents=1, pages=1)
    plan = planned(running, "third", "--max-cost", "0.02")
    assert plan["takes"]["calls"]["layouts"] == TRAINED

    layouts, trainings = running.emulator.accepted("layout"), running.emulator.accepted("train")
    assert run(running, "-f", "third", "--max-cost", "0.025") == 0, running.side.told[-2:]
    assert running.emulator.accepted("layout") - layouts == 2
    told = rows_of_last_run(running)["third"]
    assert (told.state, told.cost) == ("finished", Decimal("0.02"))
    assert "stopped at the run's max_cost USD 0.025" in told.reason

    assert run(running, "-f", "third", "--max-train-runs", "0") == 0, running.side.told[-2:]
    assert "the run's max_train_runs 0 reached" in rows_of_last_run(running)["third"].reason
    assert running.emulator.accepted("train") == trainings

    assert run(running, "-f", "third") == 0, running.side.told[-2:]
    assert running.emulator.accepted("layout") - layouts == TRAINED, "none is paid twice"
    assert running.emulator.accepted("train") - trainings == 1
    assert pending(running, "third") == 0

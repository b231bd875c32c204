"""Blobs that were renamed keep their values and are not paid again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, delete, insert, select, update

from pipeline.db import documents, tables
from pipeline.db.transactions import transact
from pipeline.prices import FREE
from pipeline.scoring import stage
from pipeline.scoring.spending import Limits, Purse, Spending
from pipeline.types import FieldSpec
from tests.unit.scoring.conftest import Bench
from tests.unit.scoring.test_service import CannedService, ServiceBench


@pytest.fixture
def cloud(bench: Bench, tmp_path: Path) -> Iterator[ServiceBench]:
    folder = tmp_path / "staged"
    folder.mkdir()
    yield ServiceBench(bench, CannedService(), folder)


def rename(bench: Bench, before: str, now: str) -> None:
    folder = bench.root / "forms" / "in"
    (folder / f"{before}.pdf").rename(folder / f"{now}.pdf")
    bench.wait(60)


def correct(bench: Bench, name: str, text: str) -> None:
    """As a person would who reviews the document."""
    of_document = select(tables.part.c.id).where(tables.part.c.document_id == bench.documents()[name].id)
    with bench.database.begin() as connection:
        key = connection.scalar(of_document)
        connection.execute(
            insert(tables.field_value).values(part_id=key, field="total", source="person", text=text)
        )


def test_a_renamed_blob_is_not_paid_again(cloud: ServiceBench) -> None:
    cloud.put("a", "bb", "ccc")
    assert cloud.run().loaded == 3
    correct(cloud.bench, "a", "99")
    rename(cloud.bench, "a", "new")
    tally = cloud.run()
    assert (tally.loaded, tally.reused, tally.pages, tally.values) == (1, 1, 0, 0)
    assert sorted(cloud.service.accepted) == ["a", "bb", "ccc"]
    old, new = cloud.bench.documents()["a"], cloud.bench.documents()["new"]
    assert (old.outcome, new.outcome, new.stage, new.attempts) == ("gone", "loaded", "done", 0)
    assert (new.content_hash, new.pages, new.layout_confidence) == (
        old.content_hash, old.pages, old.layout_confidence,
    )  # fmt: skip
    values = cloud.bench.values()
    assert (values["new", "total", "model"], values["new", "total", "person"]) == ("12.50", "99")
    out = cloud.bench.root / "forms" / "out"
    assert (out / "new.pdf_output.json").read_bytes() == (out / "a.pdf_output.json").read_bytes()
    assert list(cloud.folder.iterdir()) == []
    assert cloud.run().finished == 0


def test_without_the_policy_it_is_scored(cloud: ServiceBench) -> None:
    cloud.reuses = False
    cloud.put("a")
    cloud.run()
    rename(cloud.bench, "a", "new")
    assert (cloud.run().reused, cloud.service.accepted) == (0, ["a", "new"])


def test_a_copy_beside_the_original_is_scored(cloud: ServiceBench) -> None:
    cloud.put("a")
    cloud.run()
    cloud.put("b")  # the same picture: its shade is the length of the name
    assert (cloud.run().reused, cloud.service.accepted) == (0, ["a", "b"])


def test_two_copies_of_one_that_is_gone_both_keep_its_values(cloud: ServiceBench) -> None:
    cloud.put("a")
    cloud.run()
    rename(cloud.bench, "a", "b")
    cloud.put("c")
    assert (cloud.run().reused, cloud.service.accepted) == (2, ["a"])


def test_other_content_under_a_new_name_is_scored(cloud: ServiceBench) -> None:
    cloud.put("a")
    cloud.run()
    (cloud.bench.root / "forms" / "in" / "a.pdf").unlink()
    cloud.put("other")
    assert (cloud.run().reused, cloud.service.accepted) == (0, ["a", "other"])


def test_another_model_scores_it_and_a_persons_words_stay(cloud: ServiceBench) -> None:
    cloud.put("a")
    cloud.run()
    correct(cloud.bench, "a", "99")
    with cloud.bench.database.begin() as connection:
        connection.execute(
            insert(tables.model_version).values(
                id=2, form_batch_group_id="bills", version=2, engine="local", model_kind="form",
                fingerprint="g", state="retired", created_at=cloud.bench.now,
            )
        )  # fmt: skip
        connection.execute(update(tables.document).values(model_version_id=2))
    rename(cloud.bench, "a", "new")
    assert (cloud.run().reused, cloud.service.accepted) == (0, ["a", "new"])
    assert cloud.bench.values()["new", "total", "person"] == "99"


def test_partial_does_not_become_loaded(cloud: ServiceBench) -> None:
    cloud.put("long", pages=3)
    cloud.run()
    rename(cloud.bench, "long", "new")
    assert cloud.run().partial == 1
    old, new = cloud.bench.documents()["long"], cloud.bench.documents()["new"]
    assert (new.outcome, new.reason, new.pages, old.outcome) == ("partial", "truncated", 1, "gone")


def test_a_required_field_that_was_missing_still_is(cloud: ServiceBench) -> None:
    cloud.bench.change(fields=(FieldSpec("total"), FieldSpec("date", required=True)))
    cloud.put("a")
    assert cloud.run().partial == 1
    rename(cloud.bench, "a", "new")
    cloud.run()
    assert cloud.bench.documents()["new"].reason == "required-field-missing"
    assert cloud.service.accepted == ["a"]


def test_there_and_back_again_costs_nothing(cloud: ServiceBench) -> None:
    cloud.put("a")
    cloud.run()
    rename(cloud.bench, "a", "b")
    cloud.run()
    correct(cloud.bench, "b", "7")
    rename(cloud.bench, "b", "a")
    assert (cloud.run().reused, cloud.service.accepted) == (1, ["a"])
    assert cloud.bench.values()["a", "total", "person"] == "7"


def test_what_somebody_wants_scored_again_is_scored(cloud: ServiceBench) -> None:
    cloud.put("a")
    cloud.run()
    rename(cloud.bench, "a", "new")
    cloud.run()
    cloud.bench.wait(60)
    with cloud.bench.database.begin() as connection:
        assert documents.reset(connection, "bills", outcomes=("loaded",)) == 1
    assert (cloud.run().reused, cloud.service.accepted) == (0, ["a", "new"])


def test_without_the_old_output_file_it_is_scored(cloud: ServiceBench) -> None:
    cloud.put("a")
    cloud.run()
    (cloud.bench.root / "forms" / "out" / "a.pdf_output.json").unlink()
    rename(cloud.bench, "a", "new")
    assert (cloud.run().reused, cloud.service.accepted) == (0, ["a", "new"])
    assert (cloud.bench.root / "forms" / "out" / "new.pdf_output.json").exists()


def test_values_that_are_removed_meanwhile_are_read_again(
    cloud: ServiceBench, database: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the look and the transaction that writes."""
    cloud.put("a")
    cloud.run()
    rename(cloud.bench, "a", "new")
    import pipeline.scoring.reuse as reuse

    known = reuse.Reuse.known

    def and_gone(self: reuse.Reuse, *given: object) -> object:
        found = known(self, *given)  # type: ignore[arg-type]
        with database.begin() as connection:
            connection.execute(delete(tables.part))
        return found

    monkeypatch.setattr(reuse.Reuse, "known", and_gone)
    tally = cloud.run()
    assert (tally.loaded, tally.reused) == (1, 0)
    assert cloud.service.accepted == ["a", "new"]
    assert cloud.bench.values()["new", "total", "model"] == "12.50"


def test_the_local_engine_reads_it_and_a_persons_words_stay(bench: Bench) -> None:
    bench.put(a="total 12.50")
    bench.run()
    correct(bench, "a", "13.00")
    rename(bench, "a", "new")
    assert (bench.run().loaded, bench.engine.answers["total 12.50"]) == (1, 2)
    assert bench.values()["new", "total", "person"] == "13.00"


def test_a_commit_that_nobody_heard_of_is_done_again(
    cloud: ServiceBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    cloud.put("a")
    cloud.run()
    correct(cloud.bench, "a", "99")
    rename(cloud.bench, "a", "new")
    once = transact

    def twice(database: Engine, work: Callable[[Connection], object]) -> object:
        once(database, work)
        return once(database, work)

    monkeypatch.setattr(stage, "transact", twice)
    tally = cloud.run()
    assert (tally.loaded, tally.reused, tally.taken_away) == (1, 1, 0)
    new = cloud.bench.documents()["new"]
    assert (new.outcome, new.attempts, new.claimed_by) == ("loaded", 0, None)
    values = {source: text for (name, _, source), text in cloud.bench.values().items() if name == "new"}
    assert values == {"model": "12.50", "person": "99"}
    assert cloud.service.accepted == ["a"]


@pytest.mark.parametrize("pages", [1, 4])
def test_nothing_is_spent_on_it(cloud: ServiceBench, pages: int) -> None:
    """Also where the whole document would be over the limit by itself."""
    cloud.put("a", pages=4)
    cloud.run()
    cloud.spending = Spending(FREE, Purse(Limits(pages)))
    rename(cloud.bench, "a", "new")
    assert (cloud.run().reused, cloud.spending.spent.pages) == (1, 0)
    assert cloud.operations() == ["finished"]

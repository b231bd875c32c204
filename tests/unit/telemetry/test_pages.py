"""docs/telemetry.md and docs/scheduling.md name what there is, and nothing else."""

from __future__ import annotations

import json
import re
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import Engine

from pipeline.telemetry.observing import Instruments
from pipeline.telemetry.prometheus_file import write
from tests.unit.conftest import Ledger

ROOT = Path(__file__).parents[3]
TELEMETRY = (ROOT / "docs" / "telemetry.md").read_text(encoding="utf-8")


class Names(list[str]):
    """A meter that keeps the names of what is made with it."""

    def _made(self, name: str, *_: object, **__: object) -> None:
        self.append(name)

    create_counter = create_gauge = create_histogram = _made


def test_every_metric_is_in_the_page_and_every_one_of_the_page_is_a_metric() -> None:
    names = Names()
    Instruments(names)  # type: ignore[arg-type]
    (table,) = re.findall(r"### Metrics\n\n(.*?)\n\n", TELEMETRY, re.S)
    told = [
        name
        for line in table.splitlines()[2:]
        for name in re.findall(r"`(formpipe[^`]+)`", line.split("|")[1])
    ]
    assert sorted(told) == sorted(names)


def test_every_figure_of_the_file_is_in_the_page_and_the_other_way_round(
    database: Engine, tmp_path: Path
) -> None:
    ledger = Ledger(database, tmp_path)
    ledger.form_type("bills")
    ledger.run({"form_type": "bills", "loaded": 1})
    write(database, tmp_path / "formpipe.prom")
    text = (tmp_path / "formpipe.prom").read_text(encoding="utf-8")
    names = {sample.name for each in text_string_to_metric_families(text) for sample in each.samples}
    table = TELEMETRY.partition("## Prometheus")[2].partition("```yaml")[0]
    assert set(re.findall(r"`(formpipe_[a-z_]+)`", table)) == names
    alerts = TELEMETRY.partition("```yaml")[2]
    assert set(re.findall(r"\b(formpipe_[a-z_]+)", alerts)) <= names


def test_every_member_of_the_summary_is_in_the_page() -> None:
    schema = json.loads((ROOT / "config" / "run-summary.schema.json").read_text(encoding="utf-8"))
    page = (ROOT / "docs" / "scheduling.md").read_text(encoding="utf-8")
    parts = schema["$defs"]
    members = {*parts["ended"]["properties"], *parts["failed"]["properties"]} - {"version"}
    assert [name for name in members if f"`{name}`" not in page] == []
    assert parts["ended"]["properties"]["schema"]["const"] in page

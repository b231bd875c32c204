"""`make azure-demo`: the demo's rows on this machine and in the cloud, side by side.

The same lake, the same rows apart from engine and version: once with the local engine over a folder, once
with a service over a storage account, its secrets in a Key Vault. The service is the emulator, the account
Azurite, the vault a double: no account is needed, and none is asked for. A router sorts the mixed folder:
here a classifier of this machine, there one of the Language service.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pipeline.demo import demo_rows, write_lake
from pipeline.demo.mixed import ROUTER, router_row, write_mixed
from pipeline.texts import CONFIDENCE
from tests.azure.azurite import AzuriteMissingError
from tests.azure.rehearsal import Cloud, Side, Value, cloud, embedded

Key = tuple[str, str, str, int]

VERSIONS = {
    "purchase_invoice": ("form-recognizer", "v2.1"),
    "supplier_registration": ("document-intelligence", "2023-07-31"),
    "service_report": ("document-intelligence", "2024-11-30"),
    ROUTER: ("language", "2023-04-01"),
}
"""Each form type on another service, so that the demo shows them all."""
SETTINGS = "poll_seconds = 1.0\nservice_rates = { language = { manage = 5 } }\n"
"""A project of texts is made in a dozen calls, of which the service takes ten a minute."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument(
        "folder", nargs="?", type=Path, default=Path("azure-demo"), help="made anew each time"
    )
    parser.add_argument("--training", type=int, default=10, help="training forms of each form type")
    parser.add_argument("--backlog", type=int, default=25, help="documents to score of each form type")
    parser.add_argument(
        "--mixed", type=int, default=20, help="documents of each form type in the mixed folder"
    )
    options = parser.parse_args()
    folder: Path = options.folder.resolve()
    shutil.rmtree(folder, ignore_errors=True)
    _say(f"Drawing a small data lake into {folder / 'lake'} ...")
    write_lake(folder / "lake", training=options.training, backlog=options.backlog)
    write_mixed(folder / "lake", forms=options.mixed)
    try:
        return _both(folder, [*demo_rows(), router_row()])
    except AzuriteMissingError as error:
        _say(f"\nThis demo needs Azurite, a blob server: {error}")
        return 2


def _both(folder: Path, rows: Sequence[Mapping[str, Any]]) -> int:
    _say("\nAt home: engine local, forms in a folder")
    home = embedded(folder / "home", folder / "lake", rows)
    started = time.monotonic()
    home.formpipe("run", shown=True)
    _say(f"({time.monotonic() - started:.0f} s)")
    theirs = [_abroad(row) for row in rows]
    told = ", ".join(f"{row['form_type']} on {row['engine']} {row['api_version']}" for row in theirs)
    _say(f"\nIn the cloud: {told};\nforms in a storage account, secrets in a Key Vault")
    with cloud(folder / "cloud", folder / "lake", theirs, settings=SETTINGS) as running:
        started = time.monotonic()
        running.side.formpipe("run", shown=True)
        _say(f"({time.monotonic() - started:.0f} s)")
        return _compared(home, running)


def _abroad(row: Mapping[str, Any]) -> dict[str, Any]:
    engine, version = VERSIONS[str(row["form_type"])]
    return {**row, "engine": engine, "api_version": version}


def _told_alike(values: Mapping[Key, Value]) -> dict[Key, Value]:
    """Of a router's answers what both sides tell: the service gives its likeliest class only, and how sure it
    is in two digits."""
    told: dict[Key, Value] = {}
    for key, value in values.items():
        form_type, _, name, occurrence = key
        if form_type == ROUTER and name == CONFIDENCE:
            told[key] = (round(float(str(value[0])), 2),)
        elif form_type != ROUTER or occurrence == 0:
            told[key] = value
    return told


def _compared(home: Side, running: Cloud) -> int:
    here, there = _told_alike(home.values()), _told_alike(running.side.values())
    equal = sum(there.get(key) == value for key, value in here.items())
    missing, more = here.keys() - there.keys(), there.keys() - here.keys()
    access = running.emulator.access()
    counts = Counter(f"{line['route']} {line['status']}" for line in access if line["class"] != "get")
    accepted = running.emulator.status()["accepted"]
    _say(f"\nField values at home {len(here)}, in the cloud {len(there)}: {equal} are equal")
    for key in sorted(missing | more)[:5] + [k for k in here if k in there and here[k] != there[k]][:5]:
        _say(f"  {'/'.join(map(str, key))}: {here.get(key)} at home, {there.get(key)} in the cloud")
    _say(
        f"The service accepted {json.dumps(accepted)}; its access log has {len(access)} calls: {dict(counts)}"
    )
    learned = running.side.imports.exists()
    _say(f"Did a process of the pipeline import pipeline.learning? {'yes' if learned else 'no'}")
    same = here == there and home.outcomes() == running.side.outcomes()
    return 0 if same and not learned and here else 1


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    raise SystemExit(main())

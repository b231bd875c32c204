"""Runs that are killed between submit and result: nothing is lost, and nothing is paid twice."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.azure.azurite import AzuriteMissingError
from tests.azure.lake import row_of, small_lake, upload
from tests.azure.rehearsal import Cloud, cloud

pytestmark = pytest.mark.xdist_group("paid once")

FORM_TYPE = "purchase_invoice"
DOCUMENTS = 8
IN_FLIGHT = 3
JOB_SECONDS = 2.0


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """A cloud with a trained model, whose documents take two seconds each."""
    lake = tmp_path_factory.mktemp("lake")
    small_lake(lake, training=6, backlog=DOCUMENTS)
    row = row_of(FORM_TYPE, engine="form-recognizer", api_version="v2.1", parallelism=IN_FLIGHT)
    row["scoring_input_blob_folder"] = "later/"
    row["scoring_output_blob_folder"] = None
    try:
        with cloud(tmp_path_factory.mktemp("cloud"), lake, [row]) as running:
            assert running.side.formpipe("run") == 0, running.side.told
            latency = {"distribution": "fixed", "seconds": JOB_SECONDS}
            running.emulator.faults({"action": "job-seconds", "route": "job-analyze", "latency": latency})
            yield running
    except AzuriteMissingError as error:
        pytest.skip(str(error))


def deliver(running: Cloud, folder: Path, batch: str) -> None:
    """Put new documents into the backlog."""
    small_lake(folder, training=0, backlog=DOCUMENTS, seed=len(batch))
    names = upload(folder, running.azurite.first, under=f"{FORM_TYPE}/backlog")
    container = running.azurite.first.container("forms")
    for name in names:
        content = container.download_blob(name).readall()
        container.upload_blob(f"later/{batch}/{name.rsplit('/', 1)[-1]}", content)


def kill_when_waiting(running: Cloud, accepted: int) -> None:
    """Start a run and kill it when it waits for the results of so many submits."""
    process = running.side.start("run")
    until = time.monotonic() + 60
    while running.emulator.accepted() < accepted:
        assert time.monotonic() < until and process.poll() is None
        time.sleep(0.02)
    time.sleep(JOB_SECONDS / 5)
    process.kill()
    process.communicate()


def test_killed_between_submit_and_result_no_document_is_paid_twice(killed: Cloud, tmp_path: Path) -> None:
    deliver(killed, tmp_path / "lake", "first")
    before = killed.emulator.accepted()
    kill_when_waiting(killed, before + IN_FLIGHT)
    kill_when_waiting(killed, before + 2 * IN_FLIGHT)
    assert killed.side.formpipe("run") in (0, 1), killed.side.told
    assert killed.emulator.accepted() - before == DOCUMENTS
    outcomes = killed.side.outcomes()
    assert len(outcomes) == DOCUMENTS
    assert set(outcomes.values()) <= {"loaded", "partial"}
    assert killed.side.formpipe("verify") == 0, killed.side.told[-2:]


def test_without_the_write_ahead_documents_are_paid_twice(killed: Cloud, tmp_path: Path) -> None:
    """The same kill, with the one line taken out that commits the URL: so the test above can fail."""
    deliver(killed, tmp_path / "lake", "second")
    hook = killed.side.folder / "watch" / "sitecustomize.py"
    kept = hook.read_text()
    hook.write_text(
        f"{kept}\nfrom pipeline.operations.submission import Ledger\nLedger.submitted = lambda *_: None\n"
    )
    before = killed.emulator.accepted()
    kill_when_waiting(killed, before + IN_FLIGHT)
    hook.write_text(kept)
    assert killed.side.formpipe("run") in (0, 1), killed.side.told
    assert killed.emulator.accepted() - before == DOCUMENTS + IN_FLIGHT

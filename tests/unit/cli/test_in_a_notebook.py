"""The command where Python is a session: a wheel task of Databricks, a notebook."""

from __future__ import annotations

import os
import subprocess
import sys
import threading

import pytest

from pipeline.cli.main import main
from pipeline.cli.running import Stop


def command(monkeypatch: pytest.MonkeyPatch, *words: str) -> None:
    monkeypatch.setattr(sys, "argv", ["formpipe", *words])
    main()


def test_a_success_returns_since_a_session_takes_any_exit_for_a_failure(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    command(monkeypatch, "--version")
    assert capsys.readouterr().out.startswith("formpipe ")


def test_everything_else_exits_with_its_code(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SystemExit) as caught:
        command(monkeypatch, "run", "--no-such-option")
    assert caught.value.code == 2


def test_what_is_printed_is_text_there() -> None:
    program = (
        "import builtins, sys\n"
        "builtins.get_ipython = lambda: object()\n"
        "from pipeline.cli.console import err, out\n"
        "out.print('to the output')\n"
        "err.print('to the errors')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "DATABRICKS_RUNTIME_VERSION": "17.3", "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert (done.stdout, done.stderr) == ("to the output\n", "to the errors\n")


def test_signals_are_left_alone_outside_the_main_thread() -> None:
    failures: list[BaseException] = []

    def work() -> None:
        try:
            with Stop(1.0).on_signals():
                pass
        except BaseException as error:
            failures.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join(10)
    assert failures == []

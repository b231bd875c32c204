"""The loop of every executor, while signals come."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SLOWLY_STOPPED = """
import signal, time
from concurrent.futures import Future
from pipeline.executors import window

closed = False

def handle(number, frame):
    global closed
    time.sleep(3 * window._LOOK_SECONDS)  # a busy machine, a slow terminal
    closed = True

signal.signal(signal.SIGALRM, handle)
signal.setitimer(signal.ITIMER_REAL, window._LOOK_SECONDS / 2)
found = list(window.outcomes(["a", "b"], lambda task: Future(), 2, lambda: closed))
assert [outcome.error.reason for outcome in found] == ["stopped", "stopped"]
"""


def test_a_signal_that_takes_long_to_answer_does_not_make_the_loop_wait_for_ever() -> None:
    """As Ctrl-C or SIGTERM on a busy machine, with work in hand that never comes back."""
    root = Path(__file__).parents[3]
    subprocess.run([sys.executable, "-c", SLOWLY_STOPPED], check=True, timeout=60, cwd=root)

"""Threads for calls that wait."""

from __future__ import annotations

import subprocess
import sys
import threading

import pytest

from pipeline.operations.lanes import Lane


def test_no_more_calls_than_its_width_are_made_at_a_time() -> None:
    lane, lock = Lane("test", 3), threading.Lock()
    now, most = 0, 0
    gate = threading.Semaphore(0)

    def call() -> int:
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        gate.acquire(timeout=5)
        with lock:
            now -= 1
        return now

    futures = [lane.submit(call) for _ in range(9)]
    for _ in futures:
        gate.release()
    assert all(future.result(5) >= 0 for future in futures)
    assert 1 <= most <= 3


def test_what_a_call_raises_is_its_futures() -> None:
    lane = Lane("test", 1)
    failed = lane.submit(lambda: 1 // 0)
    with pytest.raises(ZeroDivisionError):
        failed.result(5)
    assert lane.submit(lambda: "next").result(5) == "next"


def test_what_is_cancelled_before_it_was_begun_is_not_made() -> None:
    lane, gate, made = Lane("test", 1), threading.Event(), []
    first = lane.submit(lambda: gate.wait(5))
    second = lane.submit(lambda: made.append(1))
    assert second.cancel()
    gate.set()
    assert first.result(5)
    assert lane.submit(lambda: "next").result(5) == "next"
    assert made == []


def test_closing_ends_the_threads_after_what_they_have_to_do() -> None:
    lane = Lane("of-this-test", 2)
    futures = [lane.submit(lambda: "done") for _ in range(5)]
    lane.close()
    assert [future.result(5) for future in futures] == ["done"] * 5
    for thread in threading.enumerate():
        if thread.name == "of-this-test":
            thread.join(5)
            assert not thread.is_alive()


def test_a_call_that_hangs_does_not_hold_the_process() -> None:
    program = (
        "import time\nfrom pipeline.operations.lanes import Lane\nLane('x', 1).submit(lambda: time.sleep(60))"
    )
    assert subprocess.run([sys.executable, "-c", program], timeout=20, check=False).returncode == 0

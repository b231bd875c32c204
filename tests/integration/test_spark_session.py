"""A session of Spark begun here, and what its jobs tell, share and end by."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from pipeline.errors import AttemptError, RunError
from pipeline.executors.spark import SparkTasks, open_spark
from tests.acceptance.test_spark import missing

pytestmark = [
    pytest.mark.skipif(missing() is not None, reason=missing() or ""),
    pytest.mark.xdist_group("spark"),
]


@pytest.fixture(scope="module")
def tasks() -> Iterator[SparkTasks]:
    before = signal.getsignal(signal.SIGINT)
    opened = open_spark("local[2]")
    assert signal.getsignal(signal.SIGINT) is before  # Ctrl-C stays ours
    yield opened
    opened.close()


def told(setup: str, task: int) -> str:
    return f"{setup} {task * task}"


def process_of(setup: Callable[[], bytes], task: int) -> str:
    return f"{os.getpid()} {setup().decode()}"


def fails(setup: str, task: int) -> str:
    raise RunError("the database is away", reason="database-unreachable")


def sleeps(setup: str, task: int) -> str:
    time.sleep(60)
    return ""


def perform(tasks: SparkTasks, call: Callable[[Any, Any], str], count: int, setup: Any = "n") -> list[str]:
    title = "formpipe run 7: scoring bills, documents 0 to 9"
    return tasks.perform(call, setup, list(range(count)), title=title, tag="formpipe-7-bills")


def test_each_task_is_one_of_spark_and_answers_in_its_place(tasks: SparkTasks) -> None:
    assert perform(tasks, told, 5) == ["n 0", "n 1", "n 4", "n 9", "n 16"]
    store = tasks._session.sparkContext._jsc.sc().statusStore()  # what the pages of Spark show
    job = store.job(0)
    assert job.description().get() == "formpipe run 7: scoring bills, documents 0 to 9"
    assert job.numTasks() == 5
    assert (tasks.slots(), tasks.master) == (2, "local[2,4]")


def test_content_is_shared_with_processes_that_are_not_this_one(tasks: SparkTasks) -> None:
    shared = tasks.share(b"the bytes of a model")
    assert shared is not None
    answers = [each.split(" ", 1) for each in perform(tasks, process_of, 4, shared)]
    assert {content for _, content in answers} == {"the bytes of a model"}
    assert str(os.getpid()) not in {pid for pid, _ in answers}


def test_a_task_that_fails_again_and_again_is_named(tasks: SparkTasks) -> None:
    with pytest.raises(AttemptError, match="run 7: scoring bills") as raised:
        perform(tasks, fails, 1)
    assert raised.value.reason == "hands-lost"


def test_cancelling_ends_what_is_at_work(tasks: SparkTasks) -> None:
    timer = threading.Timer(3.0, tasks.cancel)
    timer.start()
    began = time.monotonic()
    with pytest.raises(AttemptError):
        perform(tasks, sleeps, 2)
    assert time.monotonic() - began < 30
    timer.join()
    assert perform(tasks, told, 1) == ["n 0"]


def test_a_session_that_is_there_is_used_and_not_stopped(tasks: SparkTasks) -> None:
    again = open_spark(None)
    assert perform(again, told, 1) == ["n 0"]
    again.close()
    assert perform(tasks, told, 1) == ["n 0"]

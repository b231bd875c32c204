"""The one loop of every executor: keep a bounded number of tasks in flight, hand out what is done."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from queue import Empty, Queue
from typing import Any

from pipeline.errors import AttemptError
from pipeline.ports import Outcome, Task

_LOOK_SECONDS = 0.5


def outcomes(
    tasks: Iterable[Task],
    submit: Callable[[Task], Future[Any]],
    in_flight: int,
    closed: Callable[[], bool],
) -> Iterator[Outcome[Task, object]]:
    """Submit at most `in_flight` tasks at a time and yield outcomes as they finish, in any order.

    A task is taken from `tasks` only when there is room for it. Closing the iterator cancels the rest.
    Once the executor is `closed` nothing more is taken, and what is in flight ends as `stopped`: its
    futures may never be resolved.
    """
    source = iter(tasks)
    running: dict[Future[Any], Task] = {}
    # no SimpleQueue: a signal that is handled while it waits, for longer than the wait, makes that endless
    # (CPython 3.11, _queuemodule.c: the timeout that is left is negative, which means none)
    done: Queue[Future[Any]] = Queue()
    exhausted = False
    try:
        while (running or not exhausted) and not closed():
            while not exhausted and len(running) < in_flight:
                try:
                    task = next(source)
                except StopIteration:
                    exhausted = True
                else:
                    future = submit(task)
                    running[future] = task
                    future.add_done_callback(done.put)
            if not running:
                break
            try:
                future = done.get(timeout=_LOOK_SECONDS)
            except Empty:
                continue
            yield _outcome(running.pop(future), future)
        for future in list(running):
            yield Outcome(running.pop(future), error=_stopped())
    finally:
        for future in running:
            future.cancel()


def _outcome(task: Task, future: Future[Any]) -> Outcome[Task, object]:
    if future.cancelled():
        return Outcome(task, error=_stopped())
    error = future.exception()
    if error is None:
        return Outcome(task, result=future.result())
    if not isinstance(error, Exception):
        raise error
    return Outcome(task, error=error)


def _stopped() -> AttemptError:
    return AttemptError("the run was stopped", reason="stopped")

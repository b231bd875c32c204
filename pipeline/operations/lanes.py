"""Threads for calls that wait on others. A call that hangs does not hold the process: they are daemons."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

_Work = tuple[Future[Any], Callable[[], Any]]


class Lane:
    """Up to `width` calls at a time, begun in the order in which they came. `concurrent.futures` has no pool
    like it: its threads are waited for when the interpreter ends. For one caller."""

    def __init__(self, name: str, width: int) -> None:
        self._name = name
        self._width = width
        self._work: queue.SimpleQueue[_Work | None] = queue.SimpleQueue()
        self._threads = 0

    def submit(self, call: Callable[[], Any]) -> Future[Any]:
        """Have it called in a thread."""
        future: Future[Any] = Future()
        self._work.put((future, call))
        if self._threads < self._width:
            self._threads += 1
            threading.Thread(target=self._carry_out, name=self._name, daemon=True).start()
        return future

    def close(self) -> None:
        """Let the threads end when they have nothing left to do; nobody waits for them."""
        for _ in range(self._threads):
            self._work.put(None)

    def _carry_out(self) -> None:
        while (work := self._work.get()) is not None:
            future, call = work
            if future.set_running_or_notify_cancel():
                try:
                    result = call()
                except BaseException as error:
                    future.set_exception(error)
                else:
                    future.set_result(result)
                    del result
            del work, future, call

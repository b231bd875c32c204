"""What runs inside a worker process: limits, and errors that survive the way back."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from typing import Any

import psutil

from pipeline.errors import AttemptError, DocumentError, FormpipeError, place_of

OUT_OF_MEMORY = 77
"""Exit code of a worker that ended itself for its memory."""

_LOOK_SECONDS = 0.1


def start(memory_mb: int, prepare: Callable[..., None], arguments: tuple[Any, ...]) -> None:
    """Prepare this worker: signals to the whole process group, as Ctrl-C and schedulers send them, are the
    parent's business, memory is watched, orphans end."""
    if hasattr(os, "setpgrp"):
        os.setpgrp()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    _limit_address_space(memory_mb)
    threading.Thread(target=_watch, args=(memory_mb * 2**20, os.getppid()), daemon=True).start()
    prepare(*arguments)


def perform(call: Callable[[Any], object], task: Any) -> object:
    """Run the task; an error nobody named ends its document, by its type alone (no values)."""
    try:
        return call(task)
    except FormpipeError:
        raise
    except MemoryError:
        raise AttemptError("it needs more than reader_memory_mb", reason="out-of-memory") from None
    except Exception as error:
        raise DocumentError(
            f"a bug: {type(error).__name__} at {place_of(error)}; please report it", reason="unexpected-error"
        ) from None


def _watch(limit_bytes: int, parent: int) -> None:
    me = psutil.Process()
    while True:
        time.sleep(_LOOK_SECONDS)
        if os.getppid() != parent:
            os._exit(0)
        if me.memory_info().rss > limit_bytes:
            os._exit(OUT_OF_MEMORY)


def _limit_address_space(memory_mb: int) -> None:
    """A last wall, well above the watched limit, against one huge allocation between two looks."""
    try:
        import resource
    except ImportError:
        return
    soft = memory_mb * 2**20 + 6 * 2**30
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (soft if hard < 0 else min(soft, hard), hard))

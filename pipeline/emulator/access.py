"""Who asked for what: a JSON line for each call, and counts of what was accepted."""

from __future__ import annotations

import json
import threading
from collections import Counter
from datetime import datetime
from pathlib import Path


class AccessLog:
    """Paths are logged without their queries, bodies and headers not at all."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._lock = threading.Lock()
        self.statuses: Counter[str] = Counter()

    def write(
        self, now: datetime, method: str, path: str, route: str, operation_class: str, status: int
    ) -> None:
        """`status` 0: the connection was dropped without an answer."""
        line = {
            "time": now.isoformat(timespec="milliseconds"),
            "method": method,
            "path": path,
            "route": route,
            "class": operation_class,
            "status": status,
        }
        with self._lock:
            self.statuses[f"{route} {status}"] += 1
            with self._file.open("a", encoding="utf-8") as stream:
                stream.write(json.dumps(line) + "\n")

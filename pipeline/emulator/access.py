"""Who asked for what: a JSON line for each call, and counts of what was accepted."""

from __future__ import annotations

import json
import threading
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Access:
    """A call as it is logged. `accepted`: it was let in and done, whether or not it was answered; `status` 0:
    the connection was dropped without an answer."""

    method: str
    path: str
    route: str
    operation_class: str
    status: int
    accepted: bool


class AccessLog:
    """Paths are logged without their queries, bodies and headers not at all."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._lock = threading.Lock()
        self.statuses: Counter[str] = Counter()

    def write(self, now: datetime, access: Access) -> None:
        line = {
            "time": now.isoformat(timespec="milliseconds"),
            "method": access.method,
            "path": access.path,
            "route": access.route,
            "class": access.operation_class,
            "status": access.status,
            "accepted": access.accepted,
        }
        with self._lock:
            self.statuses[f"{access.route} {access.status}"] += 1
            with self._file.open("a", encoding="utf-8") as stream:
                stream.write(json.dumps(line) + "\n")

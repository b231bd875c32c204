"""Structured logs: one JSON line per event off a terminal, nothing that could be a secret or a value."""

from __future__ import annotations

import json
import logging
import re
import sys
from datetime import UTC, datetime
from typing import Any, TextIO

from pipeline.printable import escaped

LOGGER = logging.getLogger("formpipe")
logging.getLogger("azure").addHandler(logging.NullHandler())  # else its warnings stand between our lines

_SECRETS = (
    (re.compile(r"(?i)([?&](?:sig|sv|se|sp|st|skoid|sktid|code|token|key)=)[^&\s\"']+"), r"\1***"),
    (re.compile(r"(?i)((?:account|shared)?(?:key|password|pwd|secret|sas)\s*[=:]\s*)[^;,\s\"']+"), r"\1***"),
    (re.compile(r"(?i)(bearer\s+)[A-Za-z0-9._~+/=-]+"), r"\1***"),
    (re.compile(r"(://[^:/@\s]+:)[^@/\s]+@"), r"\1***@"),
)


def redact(text: str) -> str:
    """The text without what looks like a SAS, key, password, token or the password of a URL."""
    for pattern, replacement in _SECRETS:
        text = pattern.sub(replacement, text)
    return text


def log_event(name: str, *, level: int = logging.INFO, **facts: Any) -> None:
    """Write one event. `facts` are names, counts and reasons; never field values."""
    LOGGER.log(level, name, extra={"facts": facts})


class JsonLines(logging.Formatter):
    """One JSON object a line: time, level, event, facts."""

    def format(self, record: logging.LogRecord) -> str:
        facts = getattr(record, "facts", {})
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "event": record.getMessage(),
            **facts,
        }
        return escaped(redact(json.dumps(line, default=str, ensure_ascii=False)))


def start_logging(level: str, stream: TextIO | None = None) -> None:
    """Send our events to `stream` (standard error) as JSON lines. Calling it again replaces the stream."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonLines())
    LOGGER.handlers[:] = [handler]
    LOGGER.setLevel(level.upper())
    LOGGER.propagate = False

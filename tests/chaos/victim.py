"""A `formpipe` that kills itself at a named point: `victim.py POINT NTH FILE [-m MECHANISM] -- ARGUMENTS`.

The product knows nothing of this: its own functions are wrapped here, in the process that is to die. FILE
gets the number of submits that were on their way at the kill. A mechanism that is named is taken out."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

_lock = threading.Lock()
_on_their_way = 0


class Point:
    """Where to die: at the `nth` time that it is passed."""

    def __init__(self, nth: int, file: Path) -> None:
        self._left = nth
        self._file = file

    def passed(self) -> None:
        with _lock:
            self._left -= 1
            if self._left == 0:
                self._file.write_text(str(_on_their_way))
                os.kill(os.getpid(), signal.SIGKILL)


def before(owner: Any, name: str, point: Point) -> None:
    real = getattr(owner, name)

    def wrapped(*args: Any, **more: Any) -> Any:
        point.passed()
        return real(*args, **more)

    setattr(owner, name, wrapped)


def after(owner: Any, name: str, point: Point) -> None:
    real = getattr(owner, name)

    def wrapped(*args: Any, **more: Any) -> Any:
        result = real(*args, **more)
        point.passed()
        return result

    setattr(owner, name, wrapped)


def before_the_post(point: Point) -> None:
    from pipeline.engines.document_intelligence import DocumentIntelligenceEngine

    before(DocumentIntelligenceEngine, "submit_document", point)


def after_the_202(point: Point) -> None:
    from pipeline.engines.document_intelligence import DocumentIntelligenceEngine

    after(DocumentIntelligenceEngine, "submit_document", point)


def after_the_url(point: Point) -> None:
    from pipeline.operations.submission import Ledger

    after(Ledger, "submitted", point)


def inside_the_transaction(point: Point) -> None:
    from pipeline.db import documents

    after(documents, "finish", point)


def after_the_output_file(point: Point) -> None:
    from pipeline.storage.blob import BlobStorage
    from pipeline.storage.folder import FolderStorage

    after(BlobStorage, "write", point)
    after(FolderStorage, "write", point)


def after_a_result(point: Point) -> None:
    """Its output file is written, by whatever process; nothing is committed."""
    from pipeline.scoring.stage import _Scorer

    after(_Scorer, "_end", point)


def after_a_commit(point: Point) -> None:
    from pipeline.db import deliveries
    from pipeline.scoring.stage import _Scorer

    written: list[int] = []
    queue, commit = deliveries.queue, _Scorer._commit

    def note(*args: Any, **more: Any) -> Any:
        written.append(1)
        return queue(*args, **more)

    def wrapped(self: Any) -> None:
        commit(self)
        if written:
            written.clear()
            point.passed()

    deliveries.queue = note  # type: ignore[assignment]
    _Scorer._commit = wrapped  # type: ignore[method-assign]


def after_a_claim(point: Point) -> None:
    from pipeline.scoring.stage import _Scorer

    after(_Scorer, "_claim", point)


def inside_a_claim(point: Point) -> None:
    from pipeline.db import claims

    after(claims, "claim", point)


POINTS: dict[str, Callable[[Point], None]] = {
    point.__name__.replace("_", "-"): point
    for point in (
        before_the_post,
        after_the_202,
        after_the_url,
        inside_the_transaction,
        after_the_output_file,
        after_a_result,
        after_a_commit,
        after_a_claim,
        inside_a_claim,
    )
}


# --- mechanisms that can be taken out -------------------------------------------------------------


def no_write_ahead(point: Point) -> None:
    """Neither intent nor URL are written before the result is."""
    from pipeline.operations.submission import Ledger
    from pipeline.remote import Operation

    def intend(self: Any, submission: Any) -> Operation:
        return Operation(0, submission.kind, "", None, None, submission.model_version_id, submission.subject)

    Ledger.intend = intend  # type: ignore[method-assign]
    Ledger.submitted = lambda *_: None  # type: ignore[method-assign]
    Ledger.failed = lambda *_: None  # type: ignore[method-assign]


def no_fencing(point: Point) -> None:
    """A run that was declared dead goes on: neither its lease nor its claims are asked for."""
    from pipeline.db import claims, leases
    from tests.chaos.unfenced import all_standing

    leases.renew = lambda *_, **__: None  # type: ignore[assignment]
    claims.standing = all_standing


def no_transaction(point: Point) -> None:
    """Outcomes are committed before the values are written."""
    from pipeline.db import bulk

    real = bulk.upsert

    def upsert(connection: Any, *args: Any, **more: Any) -> Any:
        connection.exec_driver_sql("COMMIT")
        point.passed()
        return real(connection, *args, **more)

    bulk.upsert = upsert  # type: ignore[assignment]


MECHANISMS: dict[str, Callable[[Point], None]] = {
    "write-ahead": no_write_ahead,
    "fencing": no_fencing,
    "one-transaction": no_transaction,
}


def count_submits() -> None:
    """Those whose POST may have gone out and whose URL is not committed."""
    from pipeline.operations.submission import Ledger

    def counted(name: str, change: int) -> None:
        real = getattr(Ledger, name)

        def wrapped(self: Any, *args: Any) -> Any:
            global _on_their_way
            result = real(self, *args)
            with _lock:
                _on_their_way += change
            return result

        setattr(Ledger, name, wrapped)

    counted("intend", 1)
    counted("submitted", -1)
    counted("failed", -1)


def main(arguments: list[str]) -> None:
    options, command = arguments[: arguments.index("--")], arguments[arguments.index("--") + 1 :]
    point = Point(int(options[1]), Path(options[2]))
    count_submits()
    if "-m" in options:
        MECHANISMS[options[options.index("-m") + 1]](point)
    if options[0] in POINTS:
        POINTS[options[0]](point)
    from pipeline.cli.main import main as formpipe

    sys.argv = ["formpipe", *command]
    formpipe()


if __name__ == "__main__":
    main(sys.argv[1:])

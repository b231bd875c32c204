"""How long the texts are that pyodbc sends as arrays.

With `fast_executemany` it reserves, for each row, what the server says of a parameter. Of a temporary table's
columns that may be nothing (then texts over 255 characters are refused, `String data, right truncation`), of
`nvarchar(max)` more than a machine has. So the sizes are those of the rows at hand.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Engine, event

SQL_WVARCHAR = -9
LONGEST_INLINE = 4000
"""UTF-16 units; longer texts are sent apart, row by row, which size 0 asks for."""

Size = tuple[int, int, int]


def size_texts(engine: Engine) -> None:
    """Have the engine tell the driver the sizes of every array of texts."""

    def tell(cursor: Any, _statement: str, parameters: Sequence[Sequence[object]], _context: Any) -> None:
        cursor.setinputsizes(input_sizes(parameters))

    event.listen(engine, "do_executemany", tell)


def input_sizes(rows: Sequence[Sequence[object]]) -> list[Size | None]:
    """One per column, None where the driver is to find out: columns that hold anything but texts."""
    return [_size(column) for column in zip(*rows, strict=True)]


def _size(column: Sequence[object]) -> Size | None:
    texts = [value for value in column if value is not None]
    if not texts or not all(isinstance(value, str) for value in texts):
        return None
    longest = max(len(str(value).encode("utf-16-le", "surrogatepass")) // 2 for value in texts)
    return (SQL_WVARCHAR, 0 if longest > LONGEST_INLINE else max(longest, 1), 0)

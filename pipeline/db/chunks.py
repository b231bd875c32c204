"""Lists short enough for an IN on every dialect."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

_IN_LIST = 500
"""SQL Server takes 2,100 parameters in a statement."""

Item = TypeVar("Item")


def chunks(items: Iterable[Item]) -> Iterator[list[Item]]:
    """The items in lists of 500 at most."""
    source = iter(items)
    while chunk := list(islice(source, _IN_LIST)):
        yield chunk

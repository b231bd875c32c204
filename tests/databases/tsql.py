"""T-SQL without a server: whether sqlfluff can parse it. It knows neither tables nor types."""

from __future__ import annotations

import re
from functools import cache
from itertools import count
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlfluff.core import Linter

_OPAQUE_OR_PARAMETER = re.compile(
    r"""'(?:[^']|'')*' | "(?:[^"]|"")*" | --[^\n]* | /\*.*?\*/
      | (?P<parameter> \? | __\[POSTCOMPILE_\w+\] | (?<![:\w]):[A-Za-z_]\w* | %\(\w+\)s )
      | \[(?:[^\]]|\]\])*\]""",
    re.VERBOSE | re.DOTALL,
)
_FOREIGN = re.compile(
    r"""\bLIMIT\s+[@\d(] | \bRETURNING\s+\w | \bON\s+CONFLICT\b | \bILIKE\b | :: | \|\|
      | (?:=|<>|\bIS|\bIS\s+NOT)\s+(?:TRUE|FALSE)\b""",
    re.VERBOSE | re.IGNORECASE,
)
"""Words of other dialects that the parser now and then takes for names."""

_MERGE = re.compile(r"^\s*MERGE\b", re.IGNORECASE)


def parses_as_tsql(statement: str) -> bool:
    """True for a statement or a file of T-SQL; AssertionError with each place that is not. Parameters may be
    `?`, `:name`, `%(name)s` or SQLAlchemy's lists that are still to be filled."""
    faults = tsql_faults(statement)
    assert not faults, "\n".join([*faults, "in:", statement])
    return True


def tsql_faults(statement: str) -> list[str]:
    """What is wrong with it. A MERGE must end in a semicolon, which the parser does not ask for."""
    written = with_parameters(statement)
    found = [fault.desc() for fault in _linter().parse_string(written).violations]
    found += [f"not of SQL Server: {each.group()}" for each in _FOREIGN.finditer(_without_texts(written))]
    if _MERGE.match(statement) and not statement.rstrip().endswith(";"):
        found.append("a MERGE ends in a semicolon")
    return found


def with_parameters(statement: str) -> str:
    """The statement with `@p1`, `@p2` ... where parameters stand; texts, comments and names stay."""
    numbers = count(1)

    def put(found: re.Match[str]) -> str:
        return f"@p{next(numbers)}" if found["parameter"] else found[0]

    return _OPAQUE_OR_PARAMETER.sub(put, statement)


def _without_texts(statement: str) -> str:
    return _OPAQUE_OR_PARAMETER.sub("''", statement)


@cache
def _linter() -> Linter:
    from sqlfluff.core import FluffConfig, Linter

    return Linter(config=FluffConfig(overrides={"dialect": "tsql"}))

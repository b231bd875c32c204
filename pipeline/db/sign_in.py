"""Sign in to a database server with what is fetched for each new connection: a password that no URL holds,
or an access token of Microsoft Entra."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import URL, Engine, event
from sqlalchemy.engine import Dialect

from pipeline.errors import RunError

SQL_COPT_SS_ACCESS_TOKEN = 1256
"""Connection attribute of Microsoft's driver (Microsoft Learn, "Using Microsoft Entra ID with the ODBC
Driver", "Authenticating with an access token")."""
_SCOPES = {
    "mssql": "https://database.windows.net/.default",
    "postgresql": "https://ossrdbms-aad.database.windows.net/.default",
}
_NOT_WITH_A_TOKEN = re.compile(
    r"(?:^|;)\s*(?:trusted_connection|authentication|uid|user id|pwd|password)\s*="
    r"(?:\{(?:[^}]|\}\})*\}|[^;]*)",
    re.I,
)


@dataclass(frozen=True, slots=True)
class SignIn:
    """Where a new connection gets what it signs in with: `password`, or `token`, which is given the scope to
    ask for. Both are asked afresh for each connection and may raise our errors; neither is kept."""

    password: Callable[[], str] | None = None
    token: Callable[[str], str] | None = None


def sign_in_by(engine: Engine, sign_in: SignIn) -> None:
    """Have every new connection of `engine` sign in so. Raises RunError for a database without a sign-in."""
    scope = _SCOPES.get(engine.dialect.name)
    if scope is None:
        raise RunError(
            f"{engine.dialect.name} has no sign-in: take away FORMPIPE_DATABASE_AUTH and "
            "FORMPIPE_DATABASE_PASSWORD_SECRET, or name a server in FORMPIPE_DATABASE_URL",
            reason="database-sign-in",
        )
    url = engine.url

    def connect(dialect: Dialect, _record: Any, arguments: list[Any], options: dict[str, Any]) -> Any:
        if sign_in.token is not None:
            args, more = with_token(dialect, url, sign_in.token(scope))
        elif sign_in.password is not None:
            args, more = with_password(dialect, url, sign_in.password())
        else:
            return None
        return dialect.connect(*args, **{**options, **more})

    event.listen(engine, "do_connect", connect)


def with_password(dialect: Dialect, url: URL, password: str) -> tuple[list[Any], dict[str, Any]]:
    """The arguments of a connection by this password, as the dialect makes them of the URL."""
    if "odbc_connect" in url.query:
        arguments, options = dialect.create_connect_args(url)
        return [f"{arguments[0]};PWD={{{password.replace('}', '}}')}}}", *arguments[1:]], dict(options)
    arguments, options = dialect.create_connect_args(url.set(password=password))
    return list(arguments), dict(options)


def with_token(dialect: Dialect, url: URL, token: str) -> tuple[list[Any], dict[str, Any]]:
    """The arguments of a connection by this token: the password of PostgreSQL on Azure, an attribute of the
    connection to SQL Server, beside which its driver takes no other sign-in."""
    if dialect.name == "postgresql":
        return with_password(dialect, url, token)
    arguments, options = dialect.create_connect_args(url.set(username=None, password=None))
    bare = _NOT_WITH_A_TOKEN.sub("", str(arguments[0]))
    return [bare, *arguments[1:]], {**options, "attrs_before": {SQL_COPT_SS_ACCESS_TOKEN: packed(token)}}


def packed(token: str) -> bytes:
    """A token as the driver's ACCESSTOKEN: its length in bytes, then each byte of it followed by a zero."""
    data = token.encode("utf-16-le")
    return struct.pack(f"<I{len(data)}s", len(data), data)

"""What a cell may look like. Each check returns the value as it is kept, or raises ValueError whose
message says how to mend it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import date
from difflib import get_close_matches

from pipeline.logs import redact

Check = Callable[[str], str]

_KEY = re.compile(r"[a-z][a-z0-9_]{0,39}")
_GROUP = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}")
_CONTAINER = re.compile(r"(?=.{3,63}$)[a-z0-9]+(-[a-z0-9]+)*")
_MODEL_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._~:-]{0,199}")
_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")
_SECRET_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,126}")
_SECRET_ITSELF = re.compile(r"[0-9a-fA-F]{32}|[A-Za-z0-9+/]{60,}={0,2}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_UNSAFE_IN_FIELD = re.compile(r"""[;'"`\\<>\[\]{}]|--|/\*|\.\./""")
_LONGEST_SHOWN = 120

MARKS = ("", "-1")
"""What stands in `model_id` where a model is to be made."""


def text(value: object) -> str:
    """A cell as text. YAML turns `no` into a truth value and `2022-08-31` into a date: the second is
    undone, the first cannot be."""
    if isinstance(value, bool):
        raise ValueError("YAML reads yes, no, on and off as true or false: put the value in quotes")
    if isinstance(value, date):
        return value.isoformat()[:10]
    if isinstance(value, str | int | float):
        return str(value).strip()
    raise ValueError("one text is expected here")


def key(value: str) -> str:
    if _KEY.fullmatch(value) and "__" not in value:
        return value
    raise ValueError(f"write it like {_slug_or(value, 'purchase_order')!r}")


def group(value: str) -> str:
    if _GROUP.fullmatch(value):
        return value
    raise ValueError("use letters, digits, '-' and '_' only, or leave it empty: the row's own key")


def container(value: str) -> str:
    if _CONTAINER.fullmatch(value):
        return value
    raise ValueError("give the name of the container alone; folders go into the folder columns")


def folder(value: str) -> str:
    """The prefix with its `/` at the end; the empty prefix is the whole container."""
    value = value.removesuffix("/")
    if not value:
        return ""
    remedy = _folder_remedy(value)
    if remedy:
        raise ValueError(remedy)
    return f"{value}/"


def _folder_remedy(value: str) -> str | None:
    parts = value.split("/")
    if "://" in value:
        return "give the folder inside the container, not a URL"
    if ".." in parts or "." in parts:
        return "remove '..' and '.': a folder never leaves its container"
    if value.startswith("/") or re.match(r"[A-Za-z]:", value):
        return "remove what stands before the first folder: paths are relative to the container"
    if "\\" in value:
        return "separate folders by '/'"
    if _CONTROL.search(value):
        return "remove the control characters"
    if "" in parts:
        return "remove the doubled '/'"
    return "give a shorter one" if len(value) > 1023 else None


def model_id(value: str) -> str:
    if _MODEL_ID.fullmatch(value):
        return value
    raise ValueError("give the id as the service shows it, or -1 to have a model made")


def identifier(value: str) -> str:
    if _IDENTIFIER.fullmatch(value):
        return value
    raise ValueError("use letters, digits and '_' only; do not start with a digit")


def table_name(value: str) -> str:
    """`table` or `schema.table`."""
    for part in value.split(".", 1):
        identifier(part)
    return value


def secret_name(value: str) -> str:
    """The name of a secret. What looks like a key or a SAS is refused: secrets are never kept here."""
    if _SECRET_NAME.fullmatch(value) and not _SECRET_ITSELF.fullmatch(value):
        return value
    raise ValueError("give the name of the secret, never the secret; replace a secret that was typed here")


def field_name(value: str) -> str:
    if value and len(value) <= 200 and not _CONTROL.search(value) and not _UNSAFE_IN_FIELD.search(value):
        return value
    raise ValueError("name the field as fields.json does, without quotes, brackets, ';', '--' or '\\'")


def plain(value: str) -> str:
    """Free text without control characters, line breaks apart."""
    if _CONTROL.search(value.replace("\n", "").replace("\r", "").replace("\t", "")):
        raise ValueError("remove the control characters")
    return value


def shown(value: object) -> str:
    """A value for a person: one line, no control characters, nothing that looks like a secret."""
    if value is None:
        return ""
    one_line = _CONTROL.sub(lambda found: repr(found.group())[1:-1], redact(str(value)))
    return one_line if len(one_line) <= _LONGEST_SHOWN else f"{one_line[: _LONGEST_SHOWN - 1]}…"


def nearest(value: str, choices: Iterable[str], cutoff: float = 0.5) -> str | None:
    """The choice that was probably meant; `cutoff` is the least likeness, 0 to 1 (difflib's ratio)."""
    found = get_close_matches(value.lower(), list(choices), n=1, cutoff=cutoff)
    return found[0] if found else None


def slug(value: str) -> str:
    """A key made from free text, or an empty text where nothing of it can stand in a key."""
    words = re.sub(r"[^a-z0-9]+", "_", value.lower()).strip("_")
    return re.sub(r"^[^a-z]+", "", words)[:40].strip("_")


def _slug_or(value: str, example: str) -> str:
    return slug(value) or example

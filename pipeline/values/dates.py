"""Dates and times of day from text. Nothing is guessed: a text has a set of readings.

A date has three numbers, or two and a written month. Four digits are the year. Two-digit years follow
POSIX `strptime`: 00-68 is 2000-2068, 69-99 is 1969-1999; they stand last unless the format or the
locale puts the year first. A format is obeyed even where it makes the date impossible; a locale only
chooses among possible readings.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import date, time

from pipeline.values.locales import Conventions, DateOrder, any_language, fold

_LONGEST = 80
_NUMERIC = re.compile(r"(\d{1,4})[/.\-·‐-― ](\d{1,2})[/.\-·‐-― ](\d{1,4})")
_EAST_ASIAN = re.compile(r"(\d{4}|\d{2})[年년](\d{1,2})[月월](\d{1,2})[日일]")
_AROUND_MARK = re.compile(r" ?([/.\-·‐-―年년月월日일]) ?")
_TWO_MARKS = re.compile(r"[/.\-].*[/.\-]")
_NO_DATE = re.compile(r"[^\w\s.,/\-·‐-―'’ºª]")
_COMPACT = re.compile(r"\d{8}")
_CLOCK = re.compile(
    r"(?:(?<=\d)T|(?<![\d:.]))\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?(?:\s*[ap]\.?\s?m\b\.?)?"
    r"(?:\s*(?:Z|UTC|GMT))?(?:\s*[+-]\d{2}:?\d{2})?(?!\d)",
    re.IGNORECASE,
)
_TOKEN = re.compile(r"\d+|[^\W\d_]+\.?")
_FIRST_WORD = re.compile(r"([^\W\d_]+)[.,]*\s*(?=\d)")
_FILLER_WORDS = "of the de del da den der le la a an am st nd rd th er uhr г roku"
_FILLERS = frozenset(_FILLER_WORDS.split())
_TIME = re.compile(
    r"(\d{1,2})(?:\s?[:.h]\s?(\d{2}))?(?:\s?[:.m]\s?(\d{2})(?:[.,]\d+)?)?\s*(?:uhr|hrs?|h|s)?\s*([^\d:]*)",
)
_ORDER_INDEX: dict[DateOrder, tuple[int, int, int]] = {"ymd": (0, 1, 2), "mdy": (2, 0, 1), "dmy": (2, 1, 0)}


def date_readings(text: str, order: DateOrder | None, known: Conventions) -> frozenset[date]:
    """Every date the text can mean: none (not a date), one, or more (ambiguous).

    `order` is the field's format; without one the locale's order chooses among several readings.
    """
    if len(text) > _LONGEST:
        return frozenset()
    plain = _without_weekday(_without_clock(unicodedata.normalize("NFKC", text)), known)
    parts = _numeric_parts(plain)
    if parts is None:
        return _written(plain, order, known)
    return _choose(_by_order(parts, order, known), order, known)


def time_readings(text: str, known: Conventions) -> frozenset[time]:
    """The time of day in the text, as a set of none or one: `14:05`, `2.05 pm`, `14h05`, `0905`."""
    plain = unicodedata.normalize("NFKC", text).strip().casefold()
    if re.fullmatch(r"\d{4}", plain):
        plain = f"{plain[:2]}:{plain[2:]}"
    match = _TIME.fullmatch(plain)
    if match is None or (match[2] is None and not match[4] and "h" not in plain and "uhr" not in plain):
        return frozenset()
    half = _half(match[4], known)
    hour = _hour(int(match[1]), half) if half is not None else None
    if hour is None:
        return frozenset()
    try:
        return frozenset({time(hour, int(match[2] or 0), int(match[3] or 0))})
    except ValueError:
        return frozenset()


def _half(text: str, known: Conventions) -> str | None:
    word = fold(text).replace(" ", "")
    if not word:
        return ""
    return {"am": "am", "a": "am", "pm": "pm", "p": "pm"}.get(word) or known.meridiems.get(word)


def _hour(hour: int, half: str) -> int | None:
    if half == "am":
        return hour % 12 if hour <= 12 else None
    if half == "pm" and hour < 12:
        return hour + 12
    return hour


def _without_clock(text: str) -> str:
    without = _CLOCK.sub(" ", text) if ":" in text else text
    return without.strip(" \t\n,;()[]*")


def _without_weekday(text: str, known: Conventions) -> str:
    word = _FIRST_WORD.match(text)
    if word is None:
        return text
    days = known.weekdays or any_language().weekdays
    return text[word.end() :] if fold(word[1]) in days else text


def _numeric_parts(text: str) -> tuple[str, str, str] | None:
    squeezed = " ".join(text.split())
    if " " in squeezed:
        squeezed = _AROUND_MARK.sub(r"\1", squeezed)
    squeezed = squeezed.rstrip(".")
    if " " in squeezed and _TWO_MARKS.search(squeezed):
        squeezed = squeezed.replace(" ", "")  # read from pixels: `1 0/13/20`
    match = _EAST_ASIAN.fullmatch(squeezed) or _NUMERIC.fullmatch(squeezed)
    if match and (" " not in squeezed or len(match[1]) == 4 or len(match[3]) == 4):
        return match[1], match[2], match[3]
    return (squeezed, "", "") if _COMPACT.fullmatch(squeezed) else None


def _by_order(
    parts: tuple[str, str, str], order: DateOrder | None, known: Conventions
) -> dict[DateOrder, date]:
    found: dict[DateOrder, date] = {}
    for candidate in _orders(parts, order, known):
        day = _in_order(parts, candidate)
        if day is not None:
            found[candidate] = day
    return found


def _orders(
    parts: tuple[str, str, str], order: DateOrder | None, known: Conventions
) -> tuple[DateOrder, ...]:
    if not parts[1]:
        return (order,) if order else ("ymd", "mdy", "dmy")
    if len(parts[0]) > 2:
        return ("ymd",)
    if order:
        return (order,)
    year_first = known.date_order == "ymd" and len(parts[2]) <= 2
    return ("ymd", "mdy", "dmy") if year_first else ("mdy", "dmy")


def _in_order(parts: tuple[str, str, str], order: DateOrder) -> date | None:
    if not parts[1]:
        digits = parts[0]
        cuts = (4, 6) if order == "ymd" else (2, 4)
        parts = (digits[: cuts[0]], digits[cuts[0] : cuts[1]], digits[cuts[1] :])
    year, month, day = (parts[i] for i in _ORDER_INDEX[order])
    return _date(year, int(month), day)


def _choose(found: dict[DateOrder, date], order: DateOrder | None, known: Conventions) -> frozenset[date]:
    if order is None and known.date_order in found:
        return frozenset({found[known.date_order]})
    return frozenset(found.values())


def _written(text: str, order: DateOrder | None, known: Conventions) -> frozenset[date]:
    """A date with its month in words: the locale's language and English, or any known language."""
    if _NO_DATE.search(text):
        return frozenset()
    tokens = _TOKEN.findall(text)
    if not 3 <= len(tokens) <= 10:
        return frozenset()
    readings = _written_readings(tokens, order, known) if known.months else frozenset()
    return readings or _written_readings(tokens, order, any_language())


def _written_readings(tokens: list[str], order: DateOrder | None, known: Conventions) -> frozenset[date]:
    words = [t if t.isdecimal() else fold(t) for t in tokens]
    kept = [w for w in words if w in known.months or not (w in known.weekdays or w in _FILLERS)]
    months = [i for i, word in enumerate(kept) if word in known.months]
    if len(kept) != 3 or len(months) != 1 or sum(w.isdecimal() for w in kept) != 2:
        return frozenset()
    place = months[0]
    first, second = kept[:place] + kept[place + 1 :]
    year_first = len(first) == 4 or (place == 1 and order == "ymd" and len(second) <= 2)
    year, day = (first, second) if year_first else (second, first)
    dates = (_date(year, month, day) for month in known.months[kept[place]])
    return frozenset(d for d in dates if d is not None)


def _date(year: str, month: int, day: str) -> date | None:
    if len(year) not in (2, 4) or not 1 <= len(day) <= 2:
        return None
    number = int(year)
    if len(year) == 2:
        number += 2000 if number <= 68 else 1900
    try:
        return date(number, month, int(day))
    except ValueError:
        return None

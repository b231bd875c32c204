"""Typed values of texts: dates, times, numbers, amounts, phone numbers and selection marks."""

from pipeline.values.equality import equal
from pipeline.values.locales import is_locale
from pipeline.values.normalise import normalise

__all__ = ["equal", "is_locale", "normalise"]

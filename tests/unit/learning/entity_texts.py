"""Drawn letters with a sender, a day and a sum, whose places are known."""

from __future__ import annotations

import random

from pipeline.texts import LabelledSpan, LabelledText

CATEGORIES = ("Sender", "Day", "Sum")

_FIRST = ("Anna", "Ben", "Carla", "Zoë", "Emil", "Ines", "Omar", "Yuki", "Lena", "Piotr")
_LAST = ("Berg", "O'Neill", "Okafor", "Van Dyk", "Sato", "Meier", "Rossi", "Novak", "Dubois", "Lund")
_LINES = (
    ("Dear team,\n\n", "Good morning,\n\n", "To whom it may concern,\r\n\r\n"),
    ("I am writing on behalf of ", "This is a note from ", "My client is "),
    (". The contract was signed on ", ". We have agreed to meet on ", ". Everything was sent on "),
    (" and the amount due is ", ", for which the amount due is ", "; the amount due is "),
    (".\nPlease answer soon 🎉.\n", ".\nNothing else is owed to 3 of us.\n", ".\nSee page 12 of 40.\n"),
)


def letter(number: int, *, before: str = "") -> LabelledText:
    draw = random.Random(number)
    values = (
        ("Sender", f"{draw.choice(_FIRST)} {draw.choice(_LAST)}"),
        ("Day", f"{draw.randint(1, 28)}/{draw.randint(1, 12)}/20{draw.randint(10, 29)}"),
        ("Sum", f"${draw.randint(1, 99)},{draw.randint(100, 999)}.00"),
    )
    parts = [before, draw.choice(_LINES[0])]
    spans = []
    for line, (category, value) in zip(_LINES[1:4], values, strict=True):
        parts.append(draw.choice(line))
        spans.append(LabelledSpan(category, len("".join(parts)), len(value)))
        parts.append(value)
    text = "".join([*parts, draw.choice(_LINES[4])])
    return LabelledText(f"{number:03}.txt", text, tuple(spans), digest=str(number))


def letters(count: int, first: int = 0) -> list[LabelledText]:
    return [letter(number) for number in range(first, first + count)]


def values(text: LabelledText) -> list[tuple[str, str]]:
    return [(span.category, text.text[span.offset : span.offset + span.length]) for span in text.spans]

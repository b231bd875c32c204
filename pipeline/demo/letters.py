"""Letters: prose on a page, with nothing in it that a form has."""

from __future__ import annotations

from random import Random

from pipeline.demo.ink import Ink
from pipeline.demo.invention import company, person, us_place
from pipeline.demo.sheet import LETTER, Drawing, Sheet

_OPENINGS = (
    "Thank you for the lovely weekend at the lake.",
    "It was good to hear your voice again after such a long time.",
    "I am sorry that I could not come to the meeting of our choir.",
    "We moved at last, and the boxes are everywhere.",
    "The garden is at its best now, and we think of you.",
    "You asked me how the journey was, so here is the whole story.",
)
_MIDDLES = (
    "The children still talk about the boat, and the dog slept for two days.",
    "My train stood in the snow for three hours, and nobody knew why.",
    "We found an old map in the attic and followed it to the river, where there was nothing but reeds.",
    "Our neighbours painted their fence green, which the whole street talks about.",
    "The new songs are easier than those of last year, and there is tea afterwards.",
    "I have read the book that you gave me twice, and I like the second half better each time.",
    "In the evening we sat outside and listened to the frogs until it was too cold.",
    "Peter has learned to bake bread, and he has not stopped since.",
)
_ENDINGS = (
    "Write soon, and tell everybody that we miss them.",
    "Please tell me what you decided, and whether I can help.",
    "Come and see us in the autumn, and stay as long as you like.",
    "Until then I remain, with a full heart and cold feet, your friend.",
)
_BODY, _WIDTH, _LEFT = Ink(size=11), 84, 72.0


def draw_letter(random: Random) -> Drawing:
    """A letter from a person to a person."""
    writer, reader, place = person(random), person(random), us_place(random)
    middles = random.sample(_MIDDLES, random.randint(3, 5))
    sheet = Sheet(LETTER, title="Letter")
    y = 90.0
    sheet.text(_LEFT, y, f"{writer}, {place.city}", _BODY)
    y += 50
    sheet.text(_LEFT, y, f"Dear {reader.split()[0]},", _BODY)
    mention = f"They even asked at {company(random)} whether they had ever seen such a summer."
    text = " ".join([random.choice(_OPENINGS), *middles, mention, random.choice(_ENDINGS)])
    y += 30
    for line in _lines(text):
        sheet.text(_LEFT, y, line, _BODY)
        y += 17
    sheet.text(_LEFT, y + 30, "Yours,", _BODY)
    sheet.text(_LEFT, y + 52, writer.split()[0], _BODY)
    return sheet.finish()


def _lines(text: str) -> list[str]:
    lines = [""]
    for word in text.split():
        if len(lines[-1]) + len(word) >= _WIDTH:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return lines

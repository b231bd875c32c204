"""Texts for classifiers: the demo's forms without OCR, letters, and texts of topics that overlap."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from functools import cache
from random import Random

from pipeline.demo import invention
from pipeline.demo.design import FormDesign
from pipeline.demo.lake import DESIGNS
from pipeline.reading.options import ReadOptions
from pipeline.reading.reader import read_layout
from pipeline.texts import LabelledText

KINDS = tuple(design.form_type for design in DESIGNS)
_OPENINGS = (
    "Thank you for your letter of last week.",
    "I am writing to complain about the noise from your premises.",
    "Please accept my apologies for the late reply.",
    "I would like to apply for the position of bookkeeper that you advertised.",
)
_MIDDLES = (
    "As you know, the roof of our building has been leaking since the autumn.",
    "I have worked in a similar role for six years and would be glad to meet you.",
    "We would be grateful if you could send us the catalogue and a list of your dealers.",
    "The committee decided to postpone the summer party until the weather is better.",
    "The amount that we paid for the last invoice has not been credited to our account yet.",
)
_ENDINGS = ("I look forward to hearing from you.", "With kind regards", "Yours sincerely")
_CONFUSED = "abcdeilorstu01358"


def labelled(text: str, *classes: str, name: str = "") -> LabelledText:
    return LabelledText(name or text[:20], text, classes=classes, digest=f"{zlib.crc32(text.encode()):08x}")


@cache
def forms(count: int, *, unseen: bool = False, seed: int = 7) -> tuple[LabelledText, ...]:
    """So many forms of each kind, in the layouts that are for training or in the other."""
    return tuple(
        labelled(_form(design, number, unseen, seed), design.form_type, name=f"{design.form_type}/{number}")
        for design in DESIGNS
        for number in range(count)
    )


def _form(design: FormDesign, number: int, unseen: bool, seed: int) -> str:
    layout = design.unseen if unseen else design.seen[number % len(design.seen)]
    drawing = design.draw(layout, Random(f"{seed}/{design.form_type}/{number}"))
    pages = read_layout(drawing.pdf, ReadOptions(), None).pages
    return "\n".join(line.text for page in pages for line in page.lines)


def letter(seed: int) -> str:
    """A letter of the same companies and people as the demo's forms."""
    random = Random(f"letter/{seed}")
    place = invention.us_place(random)
    body = [random.choice(_OPENINGS), *random.sample(_MIDDLES, 3), random.choice(_ENDINGS)]
    head = [invention.company(random), place.street, place.city, f"Dear {invention.person(random)},"]
    return "\n".join([*head, *body, invention.person(random)])


def misread(text: str, seed: int, rate: float = 0.04) -> str:
    """As poor OCR reads it: characters taken for others, characters and blanks lost."""
    random, read = Random(seed), []
    for character in text:
        luck = random.random() / rate
        if luck < 0.3 and character != "\n":
            continue
        read.append(random.choice(_CONFUSED) if luck < 1 and character.isalnum() else character)
    return "".join(read)


def _words(random: Random, count: int) -> list[str]:
    syllables = [first + second for first in "bdfgklmnprstvz" for second in "aeiou"]
    return ["".join(random.choices(syllables, k=random.randint(2, 4))) for _ in range(count)]


COMMON_WORDS = _words(Random("common"), 600)


def topic_text(topic: int, number: int, *, own: float = 0.12, words: int = 80) -> str:
    """A text in whose words the topic's own are mixed at the rate `own`."""
    vocabulary = Random(f"topic/{topic}").sample(COMMON_WORDS, 60)
    random = Random(f"{topic}/{number}")
    return " ".join(
        random.choice(vocabulary if random.random() < own else COMMON_WORDS) for _ in range(words)
    )


def topic_texts(topics: int, numbers: Sequence[int], *, own: float = 0.12) -> list[LabelledText]:
    return [
        labelled(topic_text(topic, number, own=own), f"topic{topic}")
        for topic in range(topics)
        for number in numbers
    ]


def topic_names(topics: int) -> list[str]:
    return [f"topic{topic}" for topic in range(topics)]

"""A file of several documents is told apart by its pages."""

from __future__ import annotations

import json

import pytest

from pipeline.emulator.sorting import Group, SortedKind, Sorting, Split, groups, read_sorting, write_sorting
from pipeline.types import Box, Layout, Line, Page, Word

CLASSES = {"a": ("A", 0.9), "b": ("B", 0.8), "x": ("A", 0.4)}


def classify(text: str) -> tuple[str, float]:
    return CLASSES.get(text, ("whole", 0.5))


def layout(*texts: str) -> Layout:
    place = Box(0, 0, 1, 1).polygon
    pages = [
        Page(number, 1, 1, "inch", (Line(text, place, (Word(text, place),)),))
        for number, text in enumerate(texts, 1)
    ]
    return Layout(tuple(pages), len(pages))


@pytest.mark.parametrize(
    ("split", "texts", "told"),
    [
        ("none", "aab", [Group("whole", 0.5, (1, 2, 3))]),
        ("none", "b", [Group("B", 0.8, (1,))]),
        ("perPage", "aab", [Group("A", 0.9, (1,)), Group("A", 0.9, (2,)), Group("B", 0.8, (3,))]),
        ("auto", "axb", [Group("A", 0.4, (1, 2)), Group("B", 0.8, (3,))]),
        ("auto", "aba", [Group("A", 0.9, (1,)), Group("B", 0.8, (2,)), Group("A", 0.9, (3,))]),
        ("auto", "", [Group("whole", 0.5, (1,))]),
    ],
)
def test_pages_become_documents(split: Split, texts: str, told: list[Group]) -> None:
    assert list(groups(layout(*texts), split, classify)) == told


@pytest.mark.parametrize(
    ("kind", "confidence", "met", "model_id"),
    [("A", 0.7, 1, "m"), ("A", 0.6, 1, ""), ("A", 0.9, 3, ""), ("B", 0.9, 1, "")],
)
def test_a_document_has_a_model_when_it_is_surely_of_its_class(
    kind: str, confidence: float, met: int, model_id: str
) -> None:
    sorting = Sorting("bytes", "auto", {"A": SortedKind("m", 0.7, 2)})
    assert sorting.model_of(Group(kind, confidence, (1,)), met) == model_id


def test_a_sorting_is_kept_as_json() -> None:
    sorting = Sorting("bytes", "perPage", {"A": SortedKind("m", 0.7, 2)})
    assert read_sorting(json.loads(json.dumps(write_sorting(sorting)))) == sorting
    assert read_sorting(None) is None

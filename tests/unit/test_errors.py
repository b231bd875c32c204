"""Errors travel between processes and say where a bug is."""

from __future__ import annotations

import pickle

import pytest

from pipeline.errors import AttemptError, DocumentError, FormpipeError, RowError, RunError, place_of


@pytest.mark.parametrize("kind", [FormpipeError, AttemptError, DocumentError, RowError, RunError])
def test_an_error_keeps_its_kind_and_reason_on_the_way_back(kind: type[FormpipeError]) -> None:
    found = pickle.loads(pickle.dumps(kind("what to do", reason="some-reason")))
    assert (type(found), str(found), found.reason) == (kind, "what to do", "some-reason")


def test_the_place_of_a_bug_is_where_it_was_raised() -> None:
    with pytest.raises(KeyError) as caught:
        {}["secret value"]
    place = place_of(caught.value)
    assert place.startswith("test_errors.py:")
    assert "secret" not in place

"""A backlog of broken and odd documents ends with every one accounted for."""

from __future__ import annotations

from tests.acceptance.conftest import Project
from tests.corpus.broken import write_broken


def test_every_broken_document_is_accounted_for(trained: Project) -> None:
    folder = trained.data / "forms" / "backlog"
    corpus = write_broken(folder)
    assert len(corpus) >= 40
    trained.formpipe("run", expect=1, max_pages=50, read_timeout_seconds=60)

    ended = {
        path.removeprefix("backlog/"): (outcome, reason)
        for path, outcome, reason in trained.sql("SELECT path, outcome, reason FROM document")
    }
    lost = {broken.name for broken in corpus} - set(ended)
    assert lost <= {broken.name for broken in corpus if "skipped" in broken.outcomes}
    wrong = [
        (broken.name, broken.wrong, ended[broken.name])
        for broken in corpus
        if broken.name in ended and not accepted(broken.outcomes, broken.reasons, *ended[broken.name])
    ]
    assert not wrong
    assert not [name for name, (_, reason) in ended.items() if reason in ("unexpected-error", "worker-died")]
    assert not [name for name, (outcome, reason) in ended.items() if outcome != "loaded" and not reason]
    trained.formpipe("verify")

    again = trained.formpipe("plan", "--output", "json", expect=0).json["rows"][0]
    assert again["documents"] == 0


def accepted(outcomes: frozenset[str], reasons: frozenset[str], outcome: str, reason: str | None) -> bool:
    """A `loaded` document may be `partial` for what the model, trained on other forms, finds in it."""
    if outcome == "partial" and "loaded" in outcomes:
        return True
    return outcome in outcomes and (not reasons or outcome == "loaded" or reason in reasons)

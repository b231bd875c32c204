"""Secrets by name: the places and their order, what is kept, and that no value is ever shown."""

from __future__ import annotations

import copy
import pickle
import threading
import traceback
from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import SecretStr

from pipeline.errors import AttemptError, RowError
from pipeline.secrets.chain import SecretChain, SecretSources, open_secrets
from pipeline.secrets.dotenv import DotenvSecrets
from pipeline.secrets.environment import EnvironmentSecrets

NAME = "CognitiveServiceSubscriptionKey"


class Place:
    """A provider that notes what it is asked; `values` may be changed."""

    def __init__(self, label: str, before: Callable[[str], None] = lambda name: None, **values: str) -> None:
        self.label = label
        self.values = values
        self.asked: list[str] = []
        self._before = before

    def find(self, name: str) -> SecretStr | None:
        self.asked.append(name)
        self._before(name)
        return SecretStr(self.values[name]) if name in self.values else None

    def looked_in(self, name: str) -> str:
        return f"the {self.label}"

    def to_set(self, name: str) -> str:
        return f"set it in the {self.label}"


# --- order and memory ---------------------------------------------------------------------------------


def test_the_first_place_that_has_it_answers_and_the_rest_are_not_asked() -> None:
    first, second, third = Place("first"), Place("second", a="2"), Place("third", a="3")
    assert SecretChain([first, second, third]).get("a") == "2"
    assert (first.asked, second.asked, third.asked) == (["a"], ["a"], [])


def test_a_value_is_kept_until_a_fresh_one_is_asked_for() -> None:
    place = Place("place", a="old")
    secrets = SecretChain([place])
    assert (secrets.get("a"), secrets.find("a")) == ("old", "old")
    place.values["a"] = "new"
    assert (secrets.get("a"), secrets.get("a", fresh=True), secrets.get("a")) == ("old", "new", "new")
    assert len(place.asked) == 2


def test_a_fresh_read_asks_from_the_first_place_on() -> None:
    first, second = Place("first"), Place("second", a="2")
    secrets = SecretChain([first, second])
    assert secrets.get("a") == "2"
    first.values["a"] = "1"
    assert secrets.get("a", fresh=True) == "1"


def test_a_value_that_is_gone_is_forgotten_and_a_miss_is_not_kept() -> None:
    place = Place("place", a="1")
    secrets = SecretChain([place])
    assert secrets.find("a") == "1"
    place.values.clear()
    assert secrets.find("a", fresh=True) is None
    assert secrets.find("a") is None
    place.values["a"] = "2"
    assert secrets.find("a") == "2"


# --- misses and faults --------------------------------------------------------------------------------


def test_a_miss_names_every_place_and_how_to_set_it(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    secrets = SecretChain([EnvironmentSecrets({"Other": "canary"}), DotenvSecrets(file)])
    with pytest.raises(RowError) as caught:
        secrets.get("StorageAccountName")
    told = str(caught.value)
    assert caught.value.reason == "secret-missing"
    assert "environment variables StorageAccountName and STORAGE_ACCOUNT_NAME" in told
    assert f"{file} (no such file)" in told
    assert "`export STORAGE_ACCOUNT_NAME=...`" in told
    assert f"a line STORAGE_ACCOUNT_NAME=... in {file}" in told
    assert "canary" not in told


def test_a_place_that_fails_is_no_miss_and_what_was_known_stays() -> None:
    def fail(name: str) -> None:
        if failing:
            raise AttemptError("down", reason="vault-not-reachable")

    failing = False
    secrets = SecretChain([Place("empty"), Place("vault", fail, a="1")])
    assert secrets.get("a") == "1"
    failing = True
    for call in (secrets.get, secrets.find):
        with pytest.raises(AttemptError, match="down"):
            call("a", fresh=True)
    assert secrets.get("a") == "1"


def test_the_places_of_a_setup_in_their_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".env").write_text(f"{NAME}=from-file\nStorageAccountName=only-file\n")
    monkeypatch.setenv(NAME, "from-environment")
    monkeypatch.delenv("StorageAccountName", raising=False)
    secrets = open_secrets(SecretSources(tmp_path / ".env", "https://localhost:1"))
    assert (secrets.get(NAME), secrets.get("StorageAccountName")) == ("from-environment", "only-file")
    assert open_secrets(SecretSources()).find("no-such-secret-anywhere") is None


# --- threads ------------------------------------------------------------------------------------------


def together(count: int, work: Callable[[], str]) -> list[str]:
    results: list[str] = []
    threads = [threading.Thread(target=lambda: results.append(work())) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    return results


def test_threads_that_need_the_same_secret_ask_for_it_once() -> None:
    place = Place("slow", lambda name: threading.Event().wait(0.05), a="1")
    secrets = SecretChain([place])
    assert together(8, lambda: secrets.get("a")) == ["1"] * 8
    assert place.asked == ["a"]


def test_threads_that_want_a_fresh_one_at_the_same_time_share_the_answer() -> None:
    place = Place("slow", lambda name: threading.Event().wait(0.2), a="1")
    secrets = SecretChain([place])
    secrets.get("a")
    place.values["a"] = "2"
    assert together(8, lambda: secrets.get("a", fresh=True)) == ["2"] * 8
    assert len(place.asked) < 1 + 8


def test_what_is_known_is_given_while_another_is_being_asked_for() -> None:
    asking, go_on = threading.Event(), threading.Event()

    def wait(name: str) -> None:
        if name == "slow":
            asking.set()
            go_on.wait(20)

    secrets = SecretChain([Place("place", wait, known="1", slow="2")])
    secrets.get("known")
    slow = threading.Thread(target=secrets.get, args=("slow",))
    slow.start()
    try:
        assert asking.wait(20)
        assert together(1, lambda: secrets.get("known")) == ["1"]
        assert slow.is_alive()
    finally:
        go_on.set()
        slow.join(20)


# --- what is shown ------------------------------------------------------------------------------------


def test_no_value_is_shown_by_anything_that_prints(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("StorageAccountName=canary-file\n")
    secrets = SecretChain([EnvironmentSecrets({NAME: "canary"}), DotenvSecrets(tmp_path / ".env")])
    secrets.get(NAME)
    secrets.get("StorageAccountName")
    shown = repr(secrets) + str(vars(secrets))
    try:
        secrets.get("Missing")
    except RowError as error:
        shown += "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())
    assert "Missing" in shown
    assert "canary" not in shown


@pytest.mark.parametrize("travel", [pickle.dumps, copy.copy, copy.deepcopy])
def test_secrets_do_not_travel_but_their_sources_do(travel: Callable[[object], object]) -> None:
    with pytest.raises(TypeError, match="do not travel"):
        travel(SecretChain([EnvironmentSecrets({NAME: "canary"})]))
    sources = SecretSources(Path(".env"), "https://v.vault.azure.net")
    assert pickle.loads(pickle.dumps(sources)) == sources

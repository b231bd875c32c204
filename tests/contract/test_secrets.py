"""What every place of secrets does, over every place."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.secrets.chain import Provider
from pipeline.secrets.databricks_scope import DatabricksScopeSecrets
from pipeline.secrets.dotenv import DotenvSecrets
from pipeline.secrets.environment import EnvironmentSecrets, names_of
from pipeline.secrets.key_vault import KeyVaultSecrets
from tests.azure.vault import Vault
from tests.databricks.workspace import SCOPE, Workspace

NAME = "CognitiveServiceSubscriptionKey"
VALUES = st.text("abcXYZ019+/=?&%$#:;.,_~!*-@ ", min_size=1, max_size=60).filter(lambda text: text.strip())


@dataclass(frozen=True)
class Place:
    """A provider, how a value gets there, and what of its name a person can look for."""

    provider: Provider
    put: Callable[[str, str], None]
    named: str


@pytest.fixture(params=["environment", "dotenv", "key-vault", "databricks-scope"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    if request.param == "environment":
        variables: dict[str, str] = {}
        return Place(EnvironmentSecrets(variables), variables.__setitem__, "environment")
    if request.param == "dotenv":
        return of_file(tmp_path / ".env")
    if request.param == "databricks-scope":
        workspace: Workspace = request.getfixturevalue("workspace")
        return Place(
            DatabricksScopeSecrets(SCOPE), workspace.secrets.__setitem__, f"the Databricks scope {SCOPE}"
        )
    vault: Vault = request.getfixturevalue("vault")
    return Place(KeyVaultSecrets(vault.url), vault.secrets.__setitem__, vault.url)


def of_file(file: Path) -> Place:
    lines: dict[str, str] = {}

    def put(name: str, value: str) -> None:
        lines[name] = value
        file.write_text("".join(f"{name}='{value}'\n" for name, value in lines.items()))

    return Place(DotenvSecrets(file), put, str(file))


def value_of(place: Place, name: str) -> str | None:
    found = place.provider.find(name)
    return None if found is None else found.get_secret_value()


def test_what_is_not_there_is_none(place: Place) -> None:
    assert place.provider.find(NAME) is None
    place.put("Other", "canary")
    assert place.provider.find(NAME) is None


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(VALUES)
def test_a_value_comes_back_without_the_blanks_around_it(place: Place, value: str) -> None:
    place.put(NAME, value)
    assert value_of(place, NAME) == value.strip()


@pytest.mark.parametrize("end", ["\n", "\r\n", "  ", "\t"])
def test_what_pasting_leaves_at_the_end_is_taken_off(place: Place, end: str) -> None:
    place.put(NAME, f"canary{end}")
    assert value_of(place, NAME) == "canary"


@pytest.mark.parametrize("empty", ["", " ", "\n"])
def test_an_empty_value_is_none(place: Place, empty: str) -> None:
    place.put(NAME, empty)
    assert place.provider.find(NAME) is None


def test_the_slip_of_the_original_tables_is_understood_both_ways(place: Place) -> None:
    place.put("CognitiveserviceSubscriptionKey", "canary")
    assert value_of(place, NAME) == "canary"
    place.put("StorageAccountName", "forms")
    assert value_of(place, "StorageaccountName") == "forms"


def test_underscores_of_a_row_are_found(place: Place) -> None:
    place.put("team-a-key" if "http" in place.named else "team_a_key", "canary")
    assert value_of(place, "team_a_key") == "canary"


def test_a_value_that_was_changed_is_read_as_it_is_now(place: Place) -> None:
    for value in ("canary-old", "canary-new"):
        place.put(NAME, value)
        assert value_of(place, NAME) == value


def test_a_person_is_told_the_place_and_how_to_set_it_there(place: Place) -> None:
    place.put(NAME, "canary")
    told, way = place.provider.looked_in(NAME), place.provider.to_set(NAME)
    assert place.named in told
    assert NAME in way or names_of(NAME)[-1] in way
    assert "canary" not in told + way


def test_no_value_is_shown(place: Place) -> None:
    place.put(NAME, "canary")
    found = place.provider.find(NAME)
    assert found is not None
    shown = repr(found) + str(found) + repr(place.provider) + repr(vars(place.provider).keys())
    try:
        raise RuntimeError(found)
    except RuntimeError as error:
        shown += "".join(traceback.TracebackException.from_exception(error).format())
    assert "canary" not in shown

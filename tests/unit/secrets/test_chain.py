"""Secrets by name: the places, their order, and that no value is ever shown."""

from __future__ import annotations

import pickle
import traceback
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import RowError
from pipeline.secrets.chain import SecretChain
from pipeline.secrets.environment import DotenvSecrets, EnvironmentSecrets, names_of

NAME = "CognitiveServiceSubscriptionKey"


@pytest.mark.parametrize(
    "spelled",
    [
        NAME,
        "COGNITIVE_SERVICE_SUBSCRIPTION_KEY",
        "CognitiveserviceSubscriptionKey",
        "cognitive_service_subscription_key",
    ],
)
def test_a_variable_is_found_however_it_is_spelled(spelled: str) -> None:
    found = EnvironmentSecrets({spelled: " canary \n"}).find(NAME)
    assert found is not None and found.get_secret_value() == "canary"


def test_the_exact_name_wins_and_an_empty_value_is_none() -> None:
    both = {NAME: "exact", "COGNITIVE_SERVICE_SUBSCRIPTION_KEY": "other"}
    found = EnvironmentSecrets(both).find(NAME)
    assert found is not None and found.get_secret_value() == "exact"
    assert EnvironmentSecrets({NAME: "  "}).find(NAME) is None


def test_a_dotenv_file_is_read_as_it_is_now(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    secrets = DotenvSecrets(file)
    assert secrets.find(NAME) is None
    file.write_text('STORAGE_ACCOUNT_SAS_KEY="?sp=rl&sig=a%2Fb$c=="\n')
    found = secrets.find("StorageAccountSasKey")
    assert found is not None and found.get_secret_value() == "?sp=rl&sig=a%2Fb$c=="


def chain(tmp_path: Path, **variables: str) -> SecretChain:
    (tmp_path / ".env").write_text(f"{NAME}=from-file\n")
    return SecretChain([EnvironmentSecrets(variables), DotenvSecrets(tmp_path / ".env")])


def test_the_environment_is_asked_before_the_file(tmp_path: Path) -> None:
    assert chain(tmp_path, **{NAME: "from-environment"}).get(NAME) == "from-environment"
    assert chain(tmp_path).get(NAME) == "from-file"


def test_a_value_is_kept_until_a_fresh_one_is_asked_for(tmp_path: Path) -> None:
    secrets = chain(tmp_path)
    assert secrets.get(NAME) == "from-file"
    (tmp_path / ".env").write_text(f"{NAME}=rotated\n")
    assert (secrets.get(NAME), secrets.get(NAME, fresh=True), secrets.get(NAME)) == (
        "from-file",
        "rotated",
        "rotated",
    )
    (tmp_path / ".env").write_text("")
    assert secrets.find(NAME, fresh=True) is None
    assert secrets.find(NAME) is None


def test_a_miss_names_every_place_and_what_to_set(tmp_path: Path) -> None:
    with pytest.raises(RowError) as caught:
        chain(tmp_path, Other="canary").get("StorageAccountName")
    told = str(caught.value)
    assert caught.value.reason == "secret-missing"
    assert "StorageAccountName and STORAGE_ACCOUNT_NAME" in told
    assert str(tmp_path / ".env") in told
    assert "canary" not in told


def test_no_value_is_shown_by_anything_that_prints(tmp_path: Path) -> None:
    secrets = chain(tmp_path, **{NAME: "canary"})
    secrets.get(NAME)
    shown = repr(secrets) + str(vars(secrets))
    try:
        raise ValueError(secrets, vars(secrets))
    except ValueError:
        shown += traceback.format_exc()
    assert "canary" not in shown
    with pytest.raises(TypeError, match="do not travel"):
        pickle.dumps(secrets)


@given(st.text(max_size=30))
def test_no_name_is_too_odd(name: str) -> None:
    assert names_of(name)
    assert EnvironmentSecrets({}).find(name) is None

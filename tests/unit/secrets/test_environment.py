"""Secrets from environment variables: their names, and what counts as a value."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.secrets.environment import EnvironmentSecrets, names_of

NAME = "CognitiveServiceSubscriptionKey"


def found(variables: dict[str, str], name: str = NAME) -> str | None:
    value = EnvironmentSecrets(variables).find(name)
    return None if value is None else value.get_secret_value()


@pytest.mark.parametrize(
    ("name", "names"),
    [
        ("CognitiveServiceEndpoint", ("CognitiveServiceEndpoint", "COGNITIVE_SERVICE_ENDPOINT")),
        ("storage-key", ("storage-key", "STORAGE_KEY")),
        ("STORAGE_KEY", ("STORAGE_KEY",)),
        ("Account2Sas", ("Account2Sas", "ACCOUNT2_SAS")),
    ],
)
def test_the_names_of_a_secret_as_a_variable(name: str, names: tuple[str, ...]) -> None:
    assert names_of(name) == names


@pytest.mark.parametrize(
    "spelled",
    [
        NAME,
        "COGNITIVE_SERVICE_SUBSCRIPTION_KEY",
        "CognitiveserviceSubscriptionKey",
        "cognitive_service_subscription_key",
        "COGNITIVESERVICE_SUBSCRIPTIONKEY",
    ],
)
def test_a_variable_is_found_however_it_is_spelled(spelled: str) -> None:
    assert found({spelled: "canary"}) == "canary"
    assert found({NAME: "canary"}, spelled) == "canary"


def test_the_exact_name_wins_over_capitals_and_those_over_any_other_case() -> None:
    variables = {"cognitiveServiceSubscriptionKey": "third", "COGNITIVE_SERVICE_SUBSCRIPTION_KEY": "second"}
    assert found(variables | {NAME: "first"}) == "first"
    assert found(variables) == "second"


@pytest.mark.parametrize("empty", ["", "  ", "\n"])
def test_an_empty_variable_hides_no_other(empty: str) -> None:
    assert found({NAME: empty}) is None
    assert found({NAME: empty, "zz_" + NAME: "x"}) is None
    assert found({NAME: empty, "Cognitive_Service_Subscription_Key": "canary"}) == "canary"


def test_the_environment_is_read_when_it_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    secrets = EnvironmentSecrets()
    monkeypatch.setenv("COGNITIVE_SERVICE_SUBSCRIPTION_KEY", "canary\r\n")
    value = secrets.find(NAME)
    assert value is not None and value.get_secret_value() == "canary"


@given(st.text(max_size=30))
def test_no_name_is_too_odd(name: str) -> None:
    assert names_of(name)
    assert found({}, name) is None


@given(st.from_regex(r"[A-Za-z][A-Za-z0-9_-]{0,30}", fullmatch=True), st.data())
def test_every_name_is_found_in_any_case(name: str, data: st.DataObject) -> None:
    spelled = data.draw(st.sampled_from(names_of(name)))
    flips = data.draw(st.lists(st.booleans(), min_size=len(spelled), max_size=len(spelled)))
    other = "".join(c.swapcase() if flip else c for c, flip in zip(spelled, flips, strict=True))
    assert found({other: "canary"}, name) == "canary"

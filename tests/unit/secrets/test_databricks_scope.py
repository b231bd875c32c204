"""What a scope's refusals mean, on a cluster and over REST. The vendor's client against a workspace:
tests/integration/test_databricks_scope.py."""

from __future__ import annotations

import builtins
import sys
from typing import Any, NamedTuple

import pytest
from databricks.sdk.errors import DatabricksError, NotFound, PermissionDenied, TooManyRequests
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import AttemptError, RowError
from pipeline.secrets.databricks_faults import Refusal, meaning
from pipeline.secrets.databricks_scope import DatabricksScopeSecrets, keys_of, open_utility


class Scope(NamedTuple):
    name: str


class JavaError(Exception):
    """As a cluster's own utility raises what the JVM threw: a text, and no code beside it."""


class Utility:
    """Stands for `dbutils.secrets` of a cluster."""

    def __init__(self, answer: Any, scopes: tuple[str, ...] = ("formpipe",)) -> None:
        self.answer = answer
        self.scopes = scopes
        self.asked: list[tuple[str, str]] = []

    def get(self, scope: str, key: str) -> str:
        self.asked.append((scope, key))
        if isinstance(self.answer, Exception):
            raise self.answer
        return str(self.answer)

    def listScopes(self) -> list[Scope]:  # noqa: N802 - the cluster's word
        return [Scope(name) for name in self.scopes]


NO_SECRET = JavaError(
    "An error occurred while calling o1.get.\n: java.lang.IllegalArgumentException: Secret does not exist "
    "with scope: formpipe and key: A"
)
NO_SCOPE = JavaError(
    "com.databricks.client.DatabricksServiceException: RESOURCE_DOES_NOT_EXIST: Scope x does not exist!"
)
NO_RIGHT = JavaError(
    "com.databricks.DatabricksServiceException: PERMISSION_DENIED: User has no READ on scope x."
)


def test_a_cluster_answers_by_its_own_utility() -> None:
    utility = Utility(" canary\n")
    found = DatabricksScopeSecrets("formpipe", lambda: utility).find("A")
    assert found is not None and found.get_secret_value() == "canary"
    assert utility.asked == [("formpipe", "A")]


def test_the_utility_is_made_when_it_is_needed_and_once() -> None:
    made: list[Utility] = []

    def make() -> Utility:
        made.append(Utility("canary"))
        return made[-1]

    secrets = DatabricksScopeSecrets("formpipe", make)
    assert made == []
    secrets.find("A")
    secrets.find("B")
    assert len(made) == 1


@pytest.mark.parametrize("error", [NO_SECRET, NotFound("gone"), NO_SCOPE])
def test_a_miss_of_a_cluster_is_none_where_the_scope_is_there(error: Exception) -> None:
    assert DatabricksScopeSecrets("Formpipe", lambda: Utility(error)).find("A") is None


def test_a_scope_that_is_not_in_the_list_is_missing() -> None:
    with pytest.raises(RowError) as caught:
        DatabricksScopeSecrets("formpipe", lambda: Utility(NO_SCOPE, ("other",))).find("A")
    assert caught.value.reason == "databricks-scope-missing"


def test_what_the_jvm_refuses_is_named() -> None:
    with pytest.raises(RowError) as caught:
        DatabricksScopeSecrets("formpipe", lambda: Utility(NO_RIGHT)).find("A")
    assert caught.value.reason == "databricks-scope-forbidden"
    assert caught.value.__context__ is None and caught.value.__cause__ is None


def test_a_failing_list_is_no_miss() -> None:
    class Closed(Utility):
        def listScopes(self) -> list[Scope]:  # noqa: N802
            raise TooManyRequests("wait")

    with pytest.raises(AttemptError) as caught:
        DatabricksScopeSecrets("formpipe", lambda: Closed(NO_SECRET)).find("A")
    assert caught.value.reason == "databricks-throttled"


def given_up(last: Exception) -> Exception:
    error = TimeoutError("Timed out after 0:01:00")
    error.__cause__ = last
    return error


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (PermissionDenied("no"), "databricks-scope-forbidden"),
        (DatabricksError("no", error_code="FEATURE_DISABLED"), "databricks-refused"),
        (DatabricksError("no", error_code="BAD_REQUEST"), "databricks-not-on-a-cluster"),
        (given_up(TooManyRequests("wait")), "databricks-throttled"),
        (given_up(ConnectionError("down")), "databricks-not-reachable"),
        (TimeoutError("down"), "databricks-not-reachable"),
        (JavaError("something else"), "databricks-not-reachable"),
    ],
)
def test_what_an_error_means(error: Exception, reason: str) -> None:
    found = meaning(Refusal.of(error), "formpipe", "A")
    assert found.reason == reason
    assert "formpipe" in str(found)
    assert isinstance(found, AttemptError) == (reason in ("databricks-throttled", "databricks-not-reachable"))


@given(st.text(max_size=40))
def test_nothing_of_an_errors_text_is_handed_on(text: str) -> None:
    told = str(meaning(Refusal.of(JavaError(f"canary {text}")), "formpipe", "A"))
    assert "canary" not in told


@given(st.text("abcXYZ019_-.@", min_size=1, max_size=30))
def test_a_secret_has_its_own_name_first_and_then_one_a_vault_can_hold(name: str) -> None:
    keys = keys_of(name)
    assert keys[0] == name
    assert all(each.isalnum() or each == "-" for each in keys[-1])
    assert len(keys) == 1 + (keys[-1] != name)


def test_an_executor_of_a_cluster_has_no_scope_to_ask() -> None:
    opened: list[int] = []

    def closed() -> Utility:
        opened.append(1)
        raise RowError("nobody is signed in", reason="databricks-not-signed-in")

    secrets = DatabricksScopeSecrets("formpipe", closed, on_cluster=True)
    assert [secrets.find(name) for name in ("A", "StorageAccountSasKey")] == [None, None]
    assert len(opened) == 1
    assert "executors cannot ask" in secrets.looked_in("A")
    assert secrets.to_set("team_aKey").endswith("TEAM_A_KEY: {{secrets/formpipe/team-aKey}}")
    with pytest.raises(RowError, match="nobody is signed in"):
        DatabricksScopeSecrets("formpipe", closed, on_cluster=False).find("A")


def test_a_driver_that_lacks_the_package_is_told_so() -> None:
    def missing() -> Utility:
        raise RowError("pip install", reason="databricks-not-installed")

    with pytest.raises(RowError, match="pip install"):
        DatabricksScopeSecrets("formpipe", missing, on_cluster=True).find("A")


def test_the_package_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *more: Any, **named: Any) -> Any:
        if name.startswith("databricks"):
            raise ImportError(name)
        return real(name, *more, **named)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(RowError) as caught:
        open_utility()
    assert caught.value.reason == "databricks-not-installed"
    assert "formpipe[databricks]" in str(caught.value)


def test_the_client_is_not_loaded_where_no_scope_is_set() -> None:
    import subprocess

    program = "import sys, pipeline.wiring; sys.exit('databricks' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], timeout=60, check=False).returncode == 0

"""Secrets from a Databricks scope over REST, through the vendor's client; and the double, judged by it."""

from __future__ import annotations

import logging
import os
import pickle
import subprocess
import sys
import traceback
from pathlib import Path

import pytest
from databricks.sdk import WorkspaceClient

from pipeline.errors import AttemptError, FormpipeError, RowError
from pipeline.secrets.chain import SecretSources, open_secrets
from pipeline.secrets.databricks_scope import DatabricksScopeSecrets
from pipeline.wiring import open_app
from tests.databricks.workspace import SCOPE, TOKEN, Workspace

NAME = "CognitiveServiceSubscriptionKey"


@pytest.fixture
def stocked(workspace: Workspace) -> Workspace:
    workspace.secrets[NAME] = "canary-value\n"
    return workspace


def value_of(name: str, scope: str = SCOPE) -> str | None:
    found = DatabricksScopeSecrets(scope).find(name)
    return None if found is None else found.get_secret_value()


# --- the product's way to a scope ---------------------------------------------------------------------


def test_one_call_a_secret(stocked: Workspace) -> None:
    secrets = DatabricksScopeSecrets(SCOPE)
    for _ in range(2):
        found = secrets.find(NAME)
        assert found is not None and found.get_secret_value() == "canary-value"
    assert stocked.asked == [f"/api/2.0/secrets/get?scope={SCOPE}&key={NAME}"] * 2


def test_the_scope_stands_after_the_file_and_before_the_vault(stocked: Workspace, tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("ONLY_FILE=from-file\nBOTH=from-file\n")
    stocked.secrets |= {"Both": "canary-scope", "OnlyScope": "canary-scope"}
    secrets = open_secrets(SecretSources(file, "https://localhost:1", SCOPE))
    assert secrets.get("OnlyFile") == secrets.get("Both") == "from-file"
    assert stocked.asked == []
    assert secrets.get("OnlyScope") == "canary-scope"


def test_the_setting_leads_to_the_scope(
    stocked: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "formpipe.toml").write_text(f'databricks_secret_scope = "{SCOPE}"\n')
    app = open_app(upgrade=True)
    assert app.secrets.get(NAME) == "canary-value"
    app.database.dispose()


def test_a_miss_names_the_scope_and_the_command(workspace: Workspace) -> None:
    with pytest.raises(RowError) as caught:
        open_secrets(SecretSources(databricks_scope=SCOPE)).get("team_a_key")
    told = str(caught.value)
    assert caught.value.reason == "secret-missing"
    assert f"the Databricks scope {SCOPE} (secret team_a_key and team-a-key)" in told
    assert f"`databricks secrets put-secret {SCOPE} team_a_key`" in told


def test_a_name_no_vault_can_hold_is_asked_for_with_dashes(workspace: Workspace) -> None:
    workspace.vault = True
    workspace.secrets["team-a-key"] = "canary"
    assert value_of("team_a_key") == "canary"
    assert value_of("team_b_key") is None


def test_a_rotated_secret_is_read_again_when_it_is_asked_for_fresh(stocked: Workspace) -> None:
    secrets = open_secrets(SecretSources(databricks_scope=SCOPE))
    assert secrets.get(NAME) == "canary-value"
    stocked.secrets[NAME] = "canary-new"
    assert (secrets.get(NAME), secrets.get(NAME, fresh=True)) == ("canary-value", "canary-new")


def test_another_process_reaches_it_with_environment_variables_alone(stocked: Workspace) -> None:
    sources = pickle.dumps(SecretSources(databricks_scope=SCOPE))
    program = (
        "import pickle\n"
        "from pipeline.secrets.chain import open_secrets\n"
        f"print(len(open_secrets(pickle.loads({sources!r})).get({NAME!r})))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(sys.path), **stocked.environment()},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.stdout.strip(), done.stderr) == (str(len("canary-value")), "")


def test_the_scope_is_looked_up_once_where_a_secret_is_missing(workspace: Workspace) -> None:
    secrets = DatabricksScopeSecrets(SCOPE)
    assert [secrets.find(name) for name in ("A", "B")] == [None, None]
    assert [path.partition("?")[0].rpartition("/")[2] for path in workspace.asked] == ["get", "list", "get"]


# --- a scope that fails is no miss --------------------------------------------------------------------


def refusal(scope: str = SCOPE, **options: object) -> FormpipeError:
    with pytest.raises(FormpipeError) as caught:
        DatabricksScopeSecrets(scope, **{"retry_timeout_seconds": 1, **options}).find(NAME)
    shown = "".join(traceback.format_exception(caught.value))
    assert "canary" not in shown
    return caught.value


def test_a_scope_that_is_not_there_is_told(stocked: Workspace) -> None:
    error = refusal("formpip")
    assert (type(error), error.reason) == (RowError, "databricks-scope-missing")
    assert "databricks_secret_scope" in str(error) and "create-scope formpip" in str(error)


def test_who_may_not_read_is_told_how_to(stocked: Workspace) -> None:
    stocked.fail(403, "PERMISSION_DENIED", "User ada does not have READ permission on scope formpipe.")
    error = refusal()
    assert (type(error), error.reason) == (RowError, "databricks-scope-forbidden")
    assert f"put-acl {SCOPE} WHO READ" in str(error)


@pytest.mark.parametrize(
    ("status", "code"), [(403, "PERMISSION_DENIED"), (400, "MALFORMED_REQUEST"), (400, "INVALID_STATE")]
)
def test_a_key_vault_that_refuses_databricks_is_told_apart(
    stocked: Workspace, status: int, code: str
) -> None:
    stocked.fail(status, code, "Invalid permissions on the specified KeyVault https://v.vault.azure.net/.")
    error = refusal()
    assert (type(error), error.reason) == (RowError, "databricks-vault-unusable")
    assert "AzureDatabricks" in str(error)


def test_a_scope_that_only_clusters_may_read_is_told(stocked: Workspace) -> None:
    stocked.fail(400, "BAD_REQUEST", "Secrets cannot be read outside of a notebook.")
    error = refusal()
    assert (type(error), error.reason) == (RowError, "databricks-not-on-a-cluster")
    assert "key_vault_url" in str(error)


@pytest.mark.parametrize(("status", "code"), [(401, 401), (403, 403)])
def test_a_token_that_is_refused(stocked: Workspace, status: int, code: int) -> None:
    message = (
        "Credential was not sent or was of an unsupported type." if status == 401 else "Invalid access token."
    )
    stocked.fail(status, code, message)
    error = refusal()
    assert (type(error), error.reason) == (RowError, "databricks-not-signed-in")
    assert "DATABRICKS_TOKEN" in str(error)


def test_the_double_refuses_a_wrong_token(stocked: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABRICKS_TOKEN", "canary-other")
    assert refusal().reason == "databricks-not-signed-in"


def test_nobody_is_signed_in(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.startswith(("DATABRICKS_", "ARM_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("DATABRICKS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("PATH", str(tmp_path))
    error = refusal()
    assert (type(error), error.reason) == (RowError, "databricks-not-signed-in")
    assert "spark_env_vars" in str(error)


def test_a_throttle_is_waited_out_and_given_up_by_name(stocked: Workspace) -> None:
    stocked.fail(429, "REQUEST_LIMIT_EXCEEDED", "Too many requests.", retry_after="0")
    assert value_of(NAME) == "canary-value"
    stocked.fail(429, "REQUEST_LIMIT_EXCEEDED", "Too many requests.", times=20, retry_after="1")
    error = refusal()
    assert (type(error), error.reason) == (AttemptError, "databricks-throttled")


def test_a_workspace_that_is_down(stocked: Workspace) -> None:
    stocked.fail(500, "INTERNAL_ERROR", "canary-trace", times=20)
    assert refusal().reason == "databricks-not-reachable"
    stocked.failures.clear()
    error = refusal(host="http://127.0.0.1:1")
    assert (type(error), error.reason) == (AttemptError, "databricks-not-reachable")


def test_a_secret_of_bytes_is_told_without_them(stocked: Workspace) -> None:
    stocked.secrets[NAME] = b"canary\xff"
    error = refusal()
    assert (type(error), error.reason) == (RowError, "databricks-secret-not-text")


# --- what is shown ------------------------------------------------------------------------------------


def test_no_value_and_no_token_is_logged(stocked: Workspace, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        assert value_of(NAME) == "canary-value"
    assert "/api/2.0/secrets/get" in caplog.text
    assert "canary" not in caplog.text and TOKEN not in caplog.text


def test_the_double_answers_the_client_as_documented(stocked: Workspace) -> None:
    client = WorkspaceClient()
    assert client.secrets.get_secret(SCOPE, NAME).key == NAME
    assert [each.name for each in client.secrets.list_scopes()] == [SCOPE]

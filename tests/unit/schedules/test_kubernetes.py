"""config/kubernetes, against the models of Kubernetes' own client."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline.secrets.environment import names_of
from pipeline.settings import Settings
from pipeline.types import SecretNames
from tests.unit.schedules.conftest import CONFIG, Commands

client = pytest.importorskip("kubernetes.client", reason="kubernetes is not installed")
FILES = {"cronjob.yaml": "V1CronJob", "schema.yaml": "V1Job"}


def manifest(name: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((CONFIG / "kubernetes" / name).read_text(encoding="utf-8"))
    return found


def pod(name: str) -> dict[str, Any]:
    job = manifest(name)
    job = job["spec"]["jobTemplate"] if job["kind"] == "CronJob" else job
    found: dict[str, Any] = job["spec"]["template"]["spec"]
    return found


@pytest.mark.parametrize(("name", "kind"), FILES.items())
def test_kubernetes_knows_every_property(name: str, kind: str) -> None:
    told = manifest(name)
    assert travelled(told, kind) == told


def test_a_property_that_kubernetes_does_not_know_would_be_found() -> None:
    told = manifest("cronjob.yaml")
    told["spec"]["jobTemplate"]["spec"]["template"]["spec"]["enableServiceLink"] = False
    assert travelled(told, "V1CronJob") != told


def travelled(told: dict[str, Any], kind: str) -> Any:
    """Through the client's models and back: what they do not know is not there any more."""
    api = client.ApiClient()
    return api.sanitize_for_serialization(api.deserialize(json.dumps(told), kind, "application/json"))


@pytest.mark.parametrize("name", FILES)
def test_the_pod_is_nobody_special(name: str) -> None:
    spec = pod(name)
    assert spec["automountServiceAccountToken"] is False
    assert spec["enableServiceLinks"] is False
    assert spec["securityContext"]["runAsNonRoot"] is True
    user = re.search(r"^USER (\d+):(\d+)$", (CONFIG.parent / "Dockerfile").read_text(), re.M)
    assert user
    context = spec["securityContext"]
    assert (context["runAsUser"], context["runAsGroup"]) == (int(user[1]), int(user[2]))
    for container in spec["containers"]:
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert {"cpu", "memory"} <= set(container["resources"]["limits"])
        assert {"cpu", "memory"} <= set(container["resources"]["requests"])
        mounted = {each["name"]: each["mountPath"] for each in container["volumeMounts"]}
        assert mounted["tmp"] == "/tmp"
        assert not container["image"].endswith((":latest", "formpipe"))
    assert [volume["name"] for volume in spec["volumes"] if "emptyDir" in volume] == ["tmp"]


def test_a_run_ends_before_kubernetes_ends_it(commands: Commands) -> None:
    cron = manifest("cronjob.yaml")["spec"]
    job, spec = cron["jobTemplate"]["spec"], pod("cronjob.yaml")
    (container,) = spec["containers"]
    run = commands.parsed(["formpipe", *container["args"]])
    minutes = run["max_minutes"]
    assert isinstance(minutes, float)
    grace = float(Settings.model_fields["grace_seconds"].default)
    assert minutes * 60 + grace < job["activeDeadlineSeconds"] < 3600
    assert grace < spec["terminationGracePeriodSeconds"]
    assert cron["concurrencyPolicy"] == "Forbid"
    assert run["output"] == "json"
    commands.parsed(["formpipe", *pod("schema.yaml")["containers"][0]["args"]])


def test_what_needs_a_person_is_not_tried_again() -> None:
    job = manifest("cronjob.yaml")["spec"]["jobTemplate"]["spec"]
    rules = {rule["action"]: rule for rule in job["podFailurePolicy"]["rules"]}
    assert rules["FailJob"]["onExitCodes"]["values"] == [1, 2]
    assert rules["Ignore"]["onPodConditions"][0]["type"] == "DisruptionTarget"
    assert pod("cronjob.yaml")["restartPolicy"] == "Never"


@pytest.mark.parametrize("name", FILES)
def test_settings_are_ours_and_secrets_come_from_a_secret(name: str) -> None:
    settings = {f"FORMPIPE_{each.upper()}" for each in Settings.model_fields}
    secrets = {names_of(each)[-1] for each in vars_of(SecretNames())}
    for variable in pod(name)["containers"][0]["env"]:
        key = variable["name"]
        assert key == "HOME" or key in settings | secrets
        if key in secrets or key == "FORMPIPE_DATABASE_URL":
            assert set(variable) == {"name", "valueFrom"}
            assert variable["valueFrom"]["secretKeyRef"]["name"] == "formpipe"


def test_memory_is_enough_for_readers_and_training() -> None:
    (container,) = pod("cronjob.yaml")["containers"]
    given = {each["name"]: each.get("value") for each in container["env"]}
    limits = container["resources"]["limits"]
    readers = int(limits["cpu"]) * int(given["FORMPIPE_READER_MEMORY_MB"] or 0)
    needed = readers + int(given["FORMPIPE_TRAINING_MEMORY_MB"] or 0) + 512
    assert needed <= int(limits["memory"].removesuffix("Gi")) * 1024


def vars_of(names: SecretNames) -> set[str]:
    return {str(getattr(names, each)) for each in names.__slots__}


def test_the_comments_name_the_keys_of_the_secret() -> None:
    text = Path(CONFIG / "kubernetes" / "cronjob.yaml").read_text(encoding="utf-8")
    made = set(re.findall(r"--from-literal=([a-z-]+)=", text))
    assert made == set(re.findall(r"key: ([a-z-]+)", text))

"""The commands of the two pages as a reader pastes them: performed by a shell, with clouds stood in for."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.azure.adf_models import KINDS, faults
from tests.azure.adf_pipelines import documents

ROOT = Path(__file__).parents[3]
AZ = """#!/bin/bash
# writes down each call, and the file it was given
number=$(ls "$CALLS" | wc -l)
for word; do case $word in @*) cp "${word#@}" "$CALLS/$number.json" ;; esac; done
printf '%s\\n' "$@" > "$CALLS/$number.words"
"""
_KIND_OF = {
    "linked-service": "linkedService",
    "dataset": "dataset",
    "pipeline": "pipeline",
    "trigger": "trigger",
}


def blocks(page: str) -> list[str]:
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    return re.findall(r"```sh\n(.*?)```", text, re.DOTALL)


@pytest.fixture(scope="module")
def calls(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[list[str], Any]]:
    """What `az` is called with, and the content of the file it is given."""
    for tool in ("bash", "jq", "sed"):
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not on this machine")
    folder = tmp_path_factory.mktemp("publishing")
    shutil.copytree(ROOT / "config" / "adf", folder / "config" / "adf")
    commands, written = folder / "bin", folder / "calls"
    commands.mkdir()
    written.mkdir()
    (commands / "az").write_text(AZ)
    (commands / "az").chmod(0o755)
    (script,) = [each for each in blocks("scheduling-data-factory.md") if "pipeline create-run" in each]
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=folder,
        env={"PATH": f"{commands}:/usr/local/bin:/usr/bin:/bin", "CALLS": str(written)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return list(_calls(written))


def _calls(written: Path) -> Iterator[tuple[list[str], Any]]:
    for words in sorted(written.glob("*.words"), key=lambda file: int(file.stem)):
        content = words.with_suffix(".json")
        yield words.read_text().splitlines(), json.loads(content.read_text()) if content.exists() else None


def created(calls: list[tuple[list[str], Any]]) -> list[tuple[str, str, Any]]:
    """Kind, name and properties of what is published, in its order."""
    return [
        (_KIND_OF[words[1]], words[words.index("-n") + 1], content)
        for words, content in calls
        if words[0] == "datafactory" and words[2] == "create"
    ]


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if "referenceName" in value:
            yield value["referenceName"]
        for each in value.values():
            yield from references(each)
    elif isinstance(value, list):
        for each in value:
            yield from references(each)


def test_every_file_is_published_once(calls: list[tuple[list[str], Any]]) -> None:
    published = [(kind, name) for kind, name, _ in created(calls)]
    assert sorted(published) == sorted((each.kind, each.name) for each in documents())


def test_what_is_referred_to_is_published_before(calls: list[tuple[list[str], Any]]) -> None:
    there: set[str] = set()
    for _, name, content in created(calls):
        assert set(references(content)) <= there, name
        there.add(name)


def test_what_is_published_is_whole_and_without_holes(calls: list[tuple[list[str], Any]]) -> None:
    for kind, name, content in created(calls):
        assert kind in KINDS
        assert faults(kind, {"name": name, "properties": content}) == []
        assert not re.search(
            r"KEY_VAULT|DATABRICKS_HOST|_JOB_ID|_POLICY_ID|DATABASE_ADDRESS", json.dumps(content)
        )


def test_the_trigger_is_started_and_a_run_begun_with_what_it_needs(
    calls: list[tuple[list[str], Any]],
) -> None:
    last = [words for words, _ in calls][-2:]
    assert last[0][1:3] == ["trigger", "start"] and "formpipe_nightly" in last[0]
    assert last[1][1:3] == ["pipeline", "create-run"] and "formpipe_all" in last[1]
    parameters = json.loads(last[1][last[1].index("--parameters") + 1])
    (pipeline,) = [each for each in documents() if each.name == "formpipe_all"]
    needed = {n for n, p in pipeline.properties["parameters"].items() if "defaultValue" not in p}
    assert needed <= set(parameters) <= set(pipeline.properties["parameters"])


@pytest.mark.parametrize("page", ["scheduling-data-factory.md", "scheduling-databricks.md"])
def test_every_block_is_a_script_and_every_file_in_it_is_there(page: str) -> None:
    bash = shutil.which("bash")
    assert bash is not None
    for block in blocks(page):
        done = subprocess.run(
            [bash, "-n"], input=block, text=True, capture_output=True, timeout=20, check=False
        )
        assert done.returncode == 0, done.stderr
        files = re.findall(r"config/(?:databricks|adf)[\w/.-]*", block)
        for file in files:
            assert "/dist" in file or (ROOT / file).exists(), file


def test_the_policy_is_made_as_the_page_says(tmp_path: Path) -> None:
    if shutil.which("jq") is None:
        pytest.skip("jq is not on this machine")
    (block,) = [each for each in blocks("scheduling-databricks.md") if "cluster-policies create" in each]
    command = re.search(r"\$\((jq -n .*?)\)\"", block, re.DOTALL)
    assert command is not None
    made = subprocess.run(["bash", "-c", command[1]], cwd=ROOT, capture_output=True, text=True, check=True)
    policy = json.loads(made.stdout)
    assert policy["name"] == "formpipe"
    assert json.loads(policy["definition"])["cluster_type"] == {"type": "fixed", "value": "job"}


def test_the_wheel_of_the_pages_is_the_one_that_is_built() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    wheel = f"formpipe-{version}-py3-none-any.whl"
    assert wheel in (ROOT / "docs" / "scheduling-data-factory.md").read_text(encoding="utf-8")
    (pipeline,) = [each for each in documents() if each.name == "formpipe_all_python"]
    assert pipeline.properties["parameters"]["wheel"]["defaultValue"].endswith(f"/{wheel}")

"""A service that says too much, or sends elsewhere: the key stays where it belongs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pipeline.errors import FormpipeError
from pipeline.rest.client import ServiceClient
from pipeline.rest.credentials import KeyCredential
from pipeline.rest.retry import Retry, RetryPolicy
from tests.fuzz.answers import VERSIONS, Said, Script, sound
from tests.fuzz.hostile_service import KEY, Service, running_service
from tests.fuzz.test_service_answers import Project

SAS = "sv=2024-11-04&sp=rl&sig=canary0signature0of0a0container%3D"
TAKEN = Said(202, b"", {"Operation-Location": "{origin}{here}"})
ECHO = f"key {KEY} for https://alpha.blob.core.windows.net/forms/a.pdf?{SAS} postgresql://me:canary-password@db/x"
_BODIES = {
    "json": json.dumps(
        {"error": {"code": "x", "message": ECHO, "innererror": {"code": ECHO, "message": ECHO}}}
    ),
    "plain": ECHO,
    "xml": f"<Error><Code>Denied</Code><Message>{ECHO.replace('&', ';')}</Message></Error>",
}


def script(number: int, post: Said = TAKEN, *polls: Said, version: tuple[str, str] = VERSIONS[0]) -> Script:
    good = Said(200, sound(*version))
    return Script(number, *version, f"script {number}", post, polls or (good,), True)


def refusals() -> list[Script]:
    """The key, a signed link and a database's URL wherever a service can put words when it refuses."""
    statuses = (400, 401, 403, 404, 409, 415, 429, 500, 503)
    said = [Said(status, body.encode()) for status in statuses for body in _BODIES.values()]
    return [script(n, each) for n, each in enumerate(said)] + [
        script(len(said) + n, TAKEN, each) for n, each in enumerate(said)
    ]


def failures() -> list[Script]:
    """The same in the answer about an operation that failed, of every version. Alone: a refusal of another
    document may end the row before these are asked about."""
    fault = {"code": ECHO, "message": ECHO, "target": ECHO}
    failed = {"status": "failed", "error": fault, "errors": [fault], "analyzeResult": {"errors": [fault]}}
    said = Said(200, json.dumps(failed).encode())
    return [script(n, TAKEN, said, version=version) for n, version in enumerate(VERSIONS)]


@pytest.mark.parametrize("scripts", [refusals(), failures()], ids=["refusals", "failures"])
def test_what_a_service_repeats_of_secrets_is_found_nowhere(scripts: list[Script], tmp_path: Path) -> None:
    with running_service(scripts) as service:
        numbered = {each.number: each for each in scripts}
        project = Project(tmp_path, f"sqlite:///{tmp_path / 'formpipe.db'}", service, numbered)
        project.write()
        project.run()
    left = {file.name: file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()}
    assert {"formpipe.db", "stderr.txt", "stdout.txt"} <= set(left)
    canaries = (KEY, "canary0signature", "canary-password")
    assert not [(name, each) for name, told in left.items() for each in canaries if each.encode() in told]
    assert b"***" in left["formpipe.db"], "the service's words are kept, less the secrets"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_redirect_is_not_followed(status: int, method: str) -> None:
    elsewhere = Said(status, b"", {"Location": "{foreign}/elsewhere"})
    with running_service([script(1, elsewhere, elsewhere)]) as service:
        with pytest.raises(FormpipeError):
            asked = client(service).request(
                method, "/x/FUZZ-000001-", operation_class="get", content=b"FUZZ-000001-"
            )
            assert asked.status == status
            raise FormpipeError("an answer like any other")
        assert not service.foreign


@pytest.mark.parametrize(
    "place",
    [
        "{foreign}{here}",
        "http://{authority}@{foreign_authority}{here}",
        "http://user:pass@{authority}{here}",
        "//{foreign_authority}{here}",
        "http://[::ffff:127.0.0.1]:{foreign_port}{here}",
        "http://[::1]:{foreign_port}{here}",
        "http://127.0.0.1%2f@{foreign_authority}{here}",
        "http://%31%32%37.0.0.1:{foreign_port}{here}",
        "http://{authority}\\@{foreign_authority}{here}",
        "http://127.1:{foreign_port}{here}",
        "http://2130706433:{foreign_port}{here}",
        "https://{authority}{here}",
    ],
)
def test_an_operation_at_another_place_is_not_asked_about(place: str) -> None:
    with running_service([script(1, Said(202, b"", {"Operation-Location": place}))]) as service:
        with pytest.raises(FormpipeError) as caught:
            client(service).submit("POST", "/x", operation_class="analyze", content=b"FUZZ-000001-")
        assert caught.value.reason == "foreign-operation"
        with pytest.raises(FormpipeError):
            client(service).poll(service.filled(place, "/x/FUZZ-000001-"))
        assert not service.foreign


def client(service: Service) -> ServiceClient:
    return ServiceClient(
        service.url, KeyCredential(lambda fresh: KEY), retry=Retry(RetryPolicy(deadline=0.1))
    )

"""What the client sends, tries again, gives up and never sends."""

from __future__ import annotations

import logging
import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import requests
import trustme
from hypothesis import given, settings
from hypothesis import strategies as st
from urllib3.util import parse_url

from pipeline.errors import AttemptError, RowError
from pipeline.logs import start_logging
from pipeline.rest.client import ServiceClient
from pipeline.rest.credentials import KEY_HEADER, BearerCredential, KeyCredential
from pipeline.rest.errors import RefusedError
from pipeline.rest.limits import Limits
from pipeline.rest.operations import require_same_host
from pipeline.rest.retry import Retry, RetryPolicy
from tests.unit.rest.transport import Script, Scripted, answer, session_of

ENDPOINT = "https://forms.cognitiveservices.azure.com"
OPERATION = f"{ENDPOINT}/formrecognizer/v2.1/Layout/analyzeResults/1"


class Clock:
    def __init__(self) -> None:
        self.seconds = 0.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.seconds += seconds


class Case:
    """A client over a script, with a clock of the test's."""

    def __init__(self, *answers: Scripted, keys: tuple[str, ...] = ("canary-key",), **more: Any) -> None:
        self.clock = Clock()
        self.script = Script(list(answers))
        self.keys = list(keys)
        retry = Retry(RetryPolicy(deadline=60.0), self.clock, self.clock.sleep, lambda: 1.0)
        credential = more.pop("credential", KeyCredential(self.read))
        endpoint = more.pop("endpoint", ENDPOINT)
        self.client = ServiceClient(
            endpoint, credential, session=session_of(self.script), retry=retry, **more
        )

    def read(self, fresh: bool) -> str:
        return self.keys.pop(0) if fresh and len(self.keys) > 1 and self.keys.pop(0) else self.keys[0]

    def get(self) -> Any:
        return self.client.request("GET", "/formrecognizer/v2.1/custom/models", operation_class="get")


def test_a_path_is_relative_to_the_endpoint_and_carries_the_key() -> None:
    case = Case(answer(200, {"a": 1}), endpoint=f"{ENDPOINT}/")
    assert case.get().json() == {"a": 1}
    (asked,) = case.script.asked
    assert asked.url == f"{ENDPOINT}/formrecognizer/v2.1/custom/models"
    assert asked.headers[KEY_HEADER] == "canary-key"


def test_a_token_is_sent_as_bearer() -> None:
    case = Case(answer(200, {}), credential=BearerCredential(lambda: "t"))
    case.get()
    assert case.script.asked[0].headers["Authorization"] == "Bearer t"


@pytest.mark.parametrize(
    ("status", "reason"), [(429, "throttled"), (408, "service-unavailable"), (503, "service-unavailable")]
)
def test_what_may_pass_is_tried_again_until_the_deadline(status: int, reason: str) -> None:
    case = Case(answer(status, {"error": {"code": str(status), "message": "later"}}))
    with pytest.raises(AttemptError) as caught:
        case.get()
    assert caught.value.reason == reason
    assert case.clock.slept == [1, 2, 4, 8, 16]
    assert len(case.script.asked) == 6


def test_a_fault_that_passes_is_not_told() -> None:
    case = Case(answer(500), requests.ConnectionError("x"), answer(200, {"a": 1}))
    assert case.get().json() == {"a": 1}


def test_retry_after_is_honoured_and_holds_everybody(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    limits = Limits({"get": 100.0}, clock, clock.sleep)
    case = Case(answer(429, headers={"Retry-After": "7"}), answer(200, {}), limits=limits)
    case.get()
    assert case.clock.slept == [7.0]
    assert sum(clock.slept) == pytest.approx(7.0)


def test_a_wait_longer_than_the_deadline_is_not_waited_for() -> None:
    case = Case(answer(429, headers={"Retry-After": "3600"}))
    with pytest.raises(AttemptError):
        case.get()
    assert case.clock.slept == []


@pytest.mark.parametrize("status", [400, 404, 409, 415, 302])
def test_another_refusal_is_never_tried_again(status: int) -> None:
    case = Case(answer(status, {"error": {"code": "1022", "message": "Model not found."}}))
    with pytest.raises(RefusedError) as caught:
        case.get()
    assert (caught.value.status, caught.value.fault.code) == (status, "1022")
    assert len(case.script.asked) == 1


@pytest.mark.parametrize(
    ("status", "code", "message", "reason"),
    [
        (403, "QuotaExceeded", "spent", "quota-exceeded"),
        (403, "403", "Out of call volume quota. Quota will be replenished in 5 days.", "quota-exceeded"),
        (403, "Forbidden", "firewall", "forbidden"),
        (410, "Gone", "retired", "version-retired"),
        (429, "429", "Out of call volume quota for FormRecognizer F0 pricing tier.", "quota-exceeded"),
        (429, "QuotaExceeded", "spent", "quota-exceeded"),
        (400, "NotSupportedApiVersion", "The requested API version has been retired.", "version-retired"),
    ],
)
def test_what_waiting_does_not_mend_ends_the_row_at_once(
    status: int, code: str, message: str, reason: str
) -> None:
    case = Case(answer(status, {"error": {"code": code, "message": message}}))
    with pytest.raises(RowError) as caught:
        case.get()
    assert caught.value.reason == reason
    assert (len(case.script.asked), case.clock.slept) == (1, [])


def test_a_rotated_key_is_read_again_once() -> None:
    case = Case(answer(401), answer(200, {}), keys=("old", "new"))
    case.get()
    assert [asked.headers[KEY_HEADER] for asked in case.script.asked] == ["old", "new"]


def test_a_key_that_stays_wrong_ends_the_row_without_showing_it() -> None:
    case = Case(answer(401, {"error": {"code": "401", "message": "Access denied"}}))
    with pytest.raises(RowError) as caught:
        case.get()
    assert caught.value.reason == "not-authorised"
    assert len(case.script.asked) == 2
    assert "canary" not in f"{caught.value!r} {caught.value}"


@pytest.mark.parametrize("key", ["", " ", "canary\nkey", "canary-k\u0435y", "canary\x00"])
def test_a_key_that_cannot_be_sent_is_not_sent(key: str) -> None:
    case = Case(answer(200, {}), keys=(key,))
    with pytest.raises(RowError) as caught:
        case.get()
    assert (caught.value.reason, case.script.asked) == ("secret-unusable", [])
    assert "canary" not in str(caught.value)


def test_blanks_around_a_pasted_key_are_not_part_of_it() -> None:
    case = Case(answer(200, {}), keys=(" canary-key\n",))
    case.get()
    assert case.script.asked[0].headers[KEY_HEADER] == "canary-key"


def test_a_netrc_file_does_not_take_the_place_of_a_token(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine forms.cognitiveservices.azure.com login me password canary\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    case = Case(answer(200, {}), credential=BearerCredential(lambda: "t"))
    case.get()
    assert case.script.asked[0].headers["Authorization"] == "Bearer t"


def test_an_operation_url_is_used_as_it_was_received() -> None:
    case = Case(answer(202, headers={"operation-location": OPERATION}), answer(200, {"status": "running"}))
    url = case.client.submit("POST", "/formrecognizer/v2.1/layout/analyze", operation_class="analyze")
    assert url == OPERATION
    case.client.poll(url)
    assert case.script.asked[1].url == OPERATION


HOSTILE = [
    "https://evil.example/op",
    "http://forms.cognitiveservices.azure.com/op",
    "https://forms.cognitiveservices.azure.com:8443/op",
    "https://forms.cognitiveservices.azure.com@evil.example/op",
    "https://key@forms.cognitiveservices.azure.com/op",
    "https://forms.cognitiveservices.azure.com.evil.example/op",
    "https://forms.cognitiveservices.azure.com\\@evil.example/op",
    "https://forms.cognitiveservices.azure.c\u043em/op",
    "//evil.example/op",
    "ftp://forms.cognitiveservices.azure.com/op",
    "https://forms.cognitiveservices.azure.com:99999/op",
    " https://evil.example",
    "\x00https://forms.cognitiveservices.azure.com/op",
    "https://forms.cognitiveservices.azure.com\t@evil.example/op",
    "https://forms.cognitiveservices.azure.com%40evil.example/op",
    "https://forms.cognitiveservices.azure.com:443:443/op",
]


@pytest.mark.parametrize("url", HOSTILE)
def test_no_key_goes_to_another_host(url: str) -> None:
    case = Case(answer(202, headers={"Operation-Location": url}), answer(200, {}))
    with pytest.raises(RowError) as caught:
        case.client.submit("POST", "/x", operation_class="analyze")
    assert caught.value.reason == "foreign-operation"
    with pytest.raises(RowError):
        case.client.poll(url)
    assert len(case.script.asked) == 1


NOISE = st.text(alphabet="@:/\\?#[].;%40evil\t\x00", max_size=12)


@settings(deadline=None)
@given(NOISE, st.sampled_from(["after", "before", "both"]))
def test_what_is_accepted_leads_to_the_endpoint_for_the_sender_too(noise: str, where: str) -> None:
    host = "forms.cognitiveservices.azure.com"
    url = {
        "after": f"https://{host}{noise}",
        "before": f"https://{noise}{host}/op",
        "both": f"https://{noise}@{host}{noise}/op",
    }[where]
    try:
        require_same_host(url, ENDPOINT)
    except RowError:
        return
    prepared = requests.Request("GET", url).prepare()
    sent_to = parse_url(str(prepared.url))
    assert (sent_to.scheme, sent_to.host, sent_to.port or 443, sent_to.auth) == ("https", host, 443, None)


@pytest.mark.parametrize(
    "host", ["FORMS.cognitiveservices.azure.com", "forms.cognitiveservices.azure.com:443"]
)
def test_the_same_host_in_another_spelling_is_the_same(host: str) -> None:
    case = Case(answer(200, {}))
    case.client.poll(f"https://{host}/op")
    assert len(case.script.asked) == 1


def test_an_answer_without_an_operation_is_named() -> None:
    with pytest.raises(RowError) as caught:
        Case(answer(202)).client.submit("POST", "/x", operation_class="manage")
    assert caught.value.reason == "operation-missing"


@pytest.mark.parametrize(
    ("endpoint", "reason"),
    [
        ("http://forms.cognitiveservices.azure.com", "endpoint-not-https"),
        ("forms.cognitiveservices.azure.com", "endpoint-unusable"),
        ("https://", "endpoint-unusable"),
        ("https://a@b", "endpoint-unusable"),
        ("https://forms.cognitiveservices.azure.com/?key=canary", "endpoint-unusable"),
        ("", "endpoint-unusable"),
    ],
)
def test_an_endpoint_that_would_leak_the_key_is_refused(endpoint: str, reason: str) -> None:
    with pytest.raises(RowError) as caught:
        Case(answer(200), endpoint=endpoint)
    assert caught.value.reason == reason


@pytest.mark.parametrize("endpoint", ["http://127.0.0.1:5000", "http://localhost:1", "http://emulator:5000"])
def test_a_service_on_this_machine_may_speak_plainly(endpoint: str) -> None:
    case = Case(answer(200, {}), endpoint=endpoint)
    case.get()
    assert case.script.asked[0].url.startswith(endpoint)


def test_pages_are_followed_to_the_last_and_never_in_a_circle() -> None:
    first, second = {"n": 1, "next": f"{ENDPOINT}/b"}, {"n": 2, "next": f"{ENDPOINT}/b"}
    case = Case(answer(200, first), answer(200, second))
    pages = case.client.pages("/a", params={"op": "full"}, next_link=lambda page: page["next"])
    assert [page["n"] for page in pages] == [1, 2]
    assert [asked.url for asked in case.script.asked] == [f"{ENDPOINT}/a?op=full", f"{ENDPOINT}/b"]


def test_a_file_is_sent_whole_at_each_attempt(tmp_path: Path) -> None:
    file = tmp_path / "form.pdf"
    file.write_bytes(b"%PDF" * 100)
    case = Case(answer(503), answer(202, headers={"Operation-Location": OPERATION}))
    case.client.submit("POST", "/x", operation_class="analyze", content=file)
    assert [asked.body for asked in case.script.asked] == [b"%PDF" * 100] * 2
    parts = {"analyzeFile": ("form.pdf", file, "application/pdf")}
    case.client.submit("POST", "/x", operation_class="analyze", files=parts)
    assert b'filename="form.pdf"' in case.script.asked[-1].body


def test_no_secret_is_shown_or_logged(capsys: pytest.CaptureFixture[str]) -> None:
    start_logging("debug")
    case = Case(answer(200, {}))
    case.client.request("GET", "/x", operation_class="get", params={"sig": "canary-sas"})
    logging.getLogger("formpipe").handlers.clear()
    assert "canary" not in capsys.readouterr().err + repr(case.client) + str(vars(case.client)["_credential"])


class Quiet(BaseHTTPRequestHandler):
    """Drops the first connection in the middle of a request, and keeps what it is sent after that."""

    def do_GET(self) -> None:
        self.drop()

    def do_POST(self) -> None:
        kept: list[bytes] = self.server.kept  # type: ignore[attr-defined]
        if not kept:
            kept.append(self.rfile.read(10))
            self.drop()
            return
        kept.append(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(202)
        self.send_header("Operation-Location", f"http://{self.headers['Host']}/op")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def drop(self) -> None:
        self.close_connection = True
        self.connection.close()

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def server() -> Iterator[ThreadingHTTPServer]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Quiet)
    server.kept = []  # type: ignore[attr-defined]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


def client_of(server: ThreadingHTTPServer, scheme: str = "http") -> ServiceClient:
    clock = Clock()
    retry = Retry(RetryPolicy(deadline=3.0), clock, clock.sleep, lambda: 1.0)
    endpoint = f"{scheme}://127.0.0.1:{server.server_port}"
    return ServiceClient(endpoint, KeyCredential(lambda fresh: "k"), retry=retry)


def test_a_dropped_connection_is_a_named_fault(server: ThreadingHTTPServer) -> None:
    with pytest.raises(AttemptError) as caught:
        client_of(server).request("GET", "/x", operation_class="get")
    assert caught.value.reason == "not-reachable"


def test_a_file_goes_out_whole_again_after_a_drop(server: ThreadingHTTPServer, tmp_path: Path) -> None:
    file = tmp_path / "form.pdf"
    file.write_bytes(bytes(range(256)) * 2000)
    url = client_of(server).submit("POST", "/x", operation_class="analyze", content=file)
    assert url.endswith("/op")
    assert server.kept[1:] == [file.read_bytes()]  # type: ignore[attr-defined]


def test_a_host_that_does_not_prove_who_it_is_gets_no_key_and_no_second_try(
    server: ThreadingHTTPServer,
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    with pytest.raises(RowError) as caught:
        client_of(server, "https").submit("POST", "/x", operation_class="manage", json={})
    assert (caught.value.reason, server.kept) == ("certificate-untrusted", [])  # type: ignore[attr-defined]


def test_an_endpoint_that_makes_no_request_is_not_tried_again() -> None:
    case = Case(requests.exceptions.InvalidURL("https://canary"))
    with pytest.raises(RowError) as caught:
        case.get()
    assert (caught.value.reason, case.clock.slept) == ("endpoint-unusable", [])
    assert "canary" not in str(caught.value)


@settings(deadline=None)
@given(st.floats(1, 300), st.floats(0.01, 10), st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_retries_end_by_the_deadline(deadline: float, first: float, dice: list[float]) -> None:
    clock = Clock()
    thrown = iter(dice * 1000)
    retry = Retry(RetryPolicy(deadline, first), clock, clock.sleep, lambda: max(next(thrown), 0.05))
    script = Script([answer(500)])
    client = ServiceClient(
        ENDPOINT, KeyCredential(lambda fresh: "k"), session=session_of(script), retry=retry
    )
    with pytest.raises(AttemptError):
        client.request("GET", "/x", operation_class="get")
    assert clock.seconds <= deadline
    assert all(slept <= RetryPolicy(deadline, first).longest for slept in clock.slept)

"""The one way to a service: attempt in authentication in retry in operation."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests

from pipeline.errors import AttemptError, RowError
from pipeline.logs import LOGGER, log_event
from pipeline.rest.credentials import Credential
from pipeline.rest.errors import RefusedError
from pipeline.rest.faults import fault_of, meaning, seconds_to_wait
from pipeline.rest.limits import Limits, OperationClass
from pipeline.rest.operations import checked_endpoint, operation_url, require_same_host
from pipeline.rest.reading import read_json
from pipeline.rest.retry import Retry, TransientError

_DEBUG = 10
_TIMEOUT = (10.0, 120.0)
"""Seconds to connect, and between two bytes of an answer."""

_SHORTEST_SECRET = 16
"""Bytes; every key and token of these services has more."""

_FOR_GOOD = (
    requests.exceptions.InvalidURL,
    requests.exceptions.InvalidSchema,
    requests.exceptions.InvalidHeader,
)
"""What is the same at the next attempt, beside a certificate that is not trusted."""

Heard = Callable[[str, int | None, float], None]
"""Told of each attempt: its operation class, its status (None where no answer came) and its seconds."""

File = tuple[str, Path, str]
"""A part of a form: its file name, where its bytes are, its content type."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a service said. Header names are found in any case."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)

    def json(self) -> Any:
        """The body as JSON. Raises RowError `answer-unreadable`."""
        try:
            return read_json(self.body)
        except (ValueError, RecursionError):
            raise RowError(
                "the service's answer is no JSON: check the row's endpoint and api_version",
                reason="answer-unreadable",
            ) from None


@dataclass(frozen=True, slots=True)
class _Call:
    method: str
    url: str
    operation_class: OperationClass
    params: Mapping[str, Any] | None = None
    json: Any = None
    content: Path | bytes | None = field(default=None, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, File] | None = None


class ServiceClient:
    """Calls to one resource. Usable from several threads; a `session` that is given is used by all of them.

    Every call raises AttemptError (`throttled`, `service-unavailable`, `not-reachable`) when retries did
    not help until the deadline, RowError (`not-authorised`, `quota-exceeded`, `forbidden`,
    `version-retired`) and rest.errors.RefusedError for any other 4xx.
    """

    def __init__(
        self,
        endpoint: str,
        credential: Credential,
        *,
        session: requests.Session | None = None,
        retry: Retry | None = None,
        limits: Limits | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        heard: Heard = lambda operation_class, status, seconds: None,
    ) -> None:
        """Raises RowError `endpoint-unusable`, `endpoint-not-https`."""
        self._endpoint = checked_endpoint(endpoint)
        self._credential = credential
        self._session = session
        self._threads = threading.local()
        self._retry = retry or Retry()
        self._limits = limits or Limits({})
        self._now = now
        self._heard = heard

    @property
    def endpoint(self) -> str:
        return self._endpoint

    def __repr__(self) -> str:
        return f"ServiceClient({self._endpoint!r})"

    # --- operations ---------------------------------------------------------------------------------

    def submit(self, method: str, path: str, *, operation_class: OperationClass, **more: Any) -> str:
        """Begin a long-running operation; its URL as the service gave it. Arguments as of `request`.

        Raises RowError `operation-missing`, `foreign-operation`.
        """
        answer = self.request(method, path, operation_class=operation_class, **more)
        return operation_url(answer.headers, self._endpoint)

    def poll(self, url: str) -> Answer:
        """Where an operation stands. The URL is used exactly as it was received, where it leads to this
        endpoint. Raises RowError `foreign-operation`."""
        return self.request("GET", url, operation_class="get")

    def pages(
        self,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        next_link: Callable[[dict[str, Any]], str | None],
    ) -> Iterator[dict[str, Any]]:
        """The pages of a list, each followed by the one its link names."""
        seen: set[str] = set()
        link: str | None = path
        while link and link not in seen:
            seen.add(link)
            page = self.request("GET", link, operation_class="list", params=params).json()
            if not isinstance(page, dict):
                raise RowError("a list of the service is no JSON object", reason="answer-unreadable")
            yield page
            link, params = next_link(page), None

    def request(
        self,
        method: str,
        path_or_url: str,
        *,
        operation_class: OperationClass,
        params: Mapping[str, Any] | None = None,
        json: Any = None,
        content: Path | bytes | None = None,
        headers: Mapping[str, str] | None = None,
        files: Mapping[str, File] | None = None,
    ) -> Answer:
        """One call. A path begins with `/` and is relative to the endpoint; a URL must lead to it. A Path
        as content is read anew at each attempt."""
        url = path_or_url
        if url.startswith("/") and not url.startswith("//"):
            url = f"{self._endpoint}{url}"
        require_same_host(url, self._endpoint)
        call = _Call(method, url, operation_class, params, json, content, headers or {}, files)
        return self._retry.call(lambda: self._authorised(call))

    # --- authentication -----------------------------------------------------------------------------

    def _authorised(self, call: _Call) -> Answer:
        """A key that was changed while the program runs is read again, once."""
        answer = self._attempt(call, fresh=False)
        if answer.status == 401:
            answer = self._attempt(call, fresh=True)
        self._judge(call, answer)
        return answer

    def _judge(self, call: _Call, answer: Answer) -> None:
        fault = fault_of(answer.status, answer.body) if answer.status >= 300 else None
        if fault is None:
            return
        told = f"{answer.status} {fault.code}: {fault.message}"
        means = meaning(answer.status, fault)
        if means == "retry":
            raise self._transient(call, answer, told)
        if means == "unauthorised":
            raise RowError(
                f"the service does not accept the key, which was read again ({told}): check the row's "
                "key_secret and endpoint_secret",
                reason="not-authorised",
            )
        if means == "quota":
            raise RowError(f"the quota of the resource is spent ({told})", reason="quota-exceeded")
        if means == "forbidden":
            raise RowError(f"the service forbids it ({told}): check roles and firewall", reason="forbidden")
        if means == "retired":
            raise RowError(
                f"this API version no longer answers ({told}): set api_version to a later one",
                reason="version-retired",
            )
        raise RefusedError(answer.status, fault)

    def _transient(self, call: _Call, answer: Answer, told: str) -> TransientError:
        seconds = seconds_to_wait(answer.headers, self._now())
        if seconds:
            self._limits.hold(call.operation_class, seconds)
        reason = "throttled" if answer.status == 429 else "service-unavailable"
        end = AttemptError(f"the service kept saying {told}: the next run goes on", reason=reason)
        return TransientError(end, seconds)

    # --- attempt ------------------------------------------------------------------------------------

    def _attempt(self, call: _Call, fresh: bool) -> Answer:
        proof = self._credential.headers(fresh)
        headers = {**call.headers, **proof}
        self._limits.take(call.operation_class)
        started = time.monotonic()
        try:
            with ExitStack() as opened:
                answer = self._send(call, headers, opened)
        except requests.RequestException as error:
            self._heard(call.operation_class, None, time.monotonic() - started)
            raise _lost(error) from None
        self._heard(call.operation_class, answer.status, time.monotonic() - started)
        if LOGGER.isEnabledFor(_DEBUG):
            seconds = round(time.monotonic() - started, 3)
            path = urlsplit(call.url).path
            log_event(
                "service-call", level=_DEBUG, method=call.method, path=path, status=answer.status,
                seconds=seconds,
            )  # fmt: skip
        return replace(answer, body=_without(answer.body, proof))

    def _send(self, call: _Call, headers: Mapping[str, str], opened: ExitStack) -> Answer:
        content: Any = call.content
        files = None
        if isinstance(content, Path):
            content = opened.enter_context(content.open("rb"))
        if call.files:
            files = {
                name: (file_name, opened.enter_context(path.open("rb")), kind)
                for name, (file_name, path, kind) in call.files.items()
            }
        response = self._own_session().request(
            call.method,
            call.url,
            params=call.params,
            json=call.json,
            data=content,
            headers=headers,
            files=files,
            auth=_as_it_is,
            timeout=_TIMEOUT,
            allow_redirects=False,
        )
        return Answer(response.status_code, response.headers, response.content)

    def _own_session(self) -> requests.Session:
        """A session of requests is for one thread."""
        if self._session is not None:
            return self._session
        session: requests.Session | None = getattr(self._threads, "session", None)
        if session is None:
            session = self._threads.session = requests.Session()
        return session


def _without(body: bytes, proof: Mapping[str, str]) -> bytes:
    """The body without the key or token that was sent: gateways repeat it in what they refuse, and what a
    service says is kept."""
    for value in proof.values():
        secret = value.removeprefix("Bearer ").encode()
        if len(secret) >= _SHORTEST_SECRET:
            body = body.replace(secret, b"***")
    return body


def _as_it_is(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Without this, an entry of a .netrc file would take the place of a bearer token."""
    return request


def _lost(error: requests.RequestException) -> Exception:
    """What an attempt without an answer means. The text of the error, which may hold a URL, is not told."""
    if "CERTIFICATE_VERIFY" in str(error):
        return RowError(
            "the endpoint does not prove who it is (its certificate is not trusted here): check the row's "
            "endpoint_secret; behind a proxy that reads along, set REQUESTS_CA_BUNDLE to its certificate",
            reason="certificate-untrusted",
        )
    kind = type(error).__name__
    if isinstance(error, _FOR_GOOD):
        return RowError(
            f"no request can be made for this endpoint ({kind}): check the row's endpoint_secret",
            reason="endpoint-unusable",
        )
    end = AttemptError(
        f"the service could not be reached ({kind}): check the network and the row's endpoint_secret",
        reason="not-reachable",
    )
    return TransientError(end)

"""What the blob adapter makes of the answers of an account, those too that no test server gives by itself."""

from __future__ import annotations

import gc
import threading
import tracemalloc
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

import pytest

from pipeline.errors import AttemptError, DocumentError, FormpipeError, RowError
from pipeline.storage.account import BlobAccount
from pipeline.storage.blob import BlobStorage, Patience
from pipeline.types import Blob
from tests.unit.storage.account_server import AccountServer, Asking, Saying, listing, refusing, serving

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
SAS = "sp=rl&se=2026-03-03T08:00:00Z&sv=2020-08-04&sr=c&sig=canary"
KEY = "Y2FuYXJ5"
AT_ONCE = Patience(retries=2, first_wait=0, wait_base=0, jitter=0, connect=2, read=2)


@pytest.fixture
def server() -> Iterator[AccountServer]:
    with serving(lambda asking: Saying()) as running:
        yield running


def storage(server: AccountServer, credential: str = SAS, **more: Any) -> BlobStorage:
    return BlobStorage(
        lambda fresh: BlobAccount.of(server.url, credential), patience=AT_ONCE, now=lambda: NOW, **more
    )


def do(store: BlobStorage, what: str) -> object:
    calls: dict[str, Callable[[], object]] = {
        "list": lambda: list(store.list("forms")),
        "read": lambda: store.read("forms", "a.pdf"),
        "write": lambda: store.write("forms", "a.pdf", b"x"),
        "delete": lambda: store.delete("forms", "a.pdf"),
    }
    return calls[what]()


def refused(server: AccountServer, status: int, code: str, what: str, credential: str = SAS) -> FormpipeError:
    server.say = lambda asking: refusing(status, code)
    with pytest.raises(FormpipeError) as caught:
        do(storage(server, credential), what)
    assert "canary" not in str(caught.value) and "://" not in str(caught.value)
    return caught.value


@pytest.mark.parametrize(
    ("status", "code", "what", "kind", "reason"),
    [
        (404, "ContainerNotFound", "list", RowError, "container-missing"),
        (404, "ContainerNotFound", "read", RowError, "container-missing"),
        (404, "ContainerNotFound", "write", RowError, "container-missing"),
        (404, "BlobNotFound", "read", DocumentError, "blob-gone"),
        (412, "ConditionNotMet", "read", AttemptError, "blob-changed"),
        (409, "BlobArchived", "read", DocumentError, "blob-archived"),
        (409, "BlobImmutableDueToPolicy", "write", RowError, "storage-not-writable"),
        (412, "LeaseIdMissing", "write", AttemptError, "blob-unreadable"),
        (400, "InvalidResourceName", "list", RowError, "container-missing"),
        (400, "InvalidUri", "read", DocumentError, "unsafe-path"),
        (400, "AccountRequiresHttps", "list", RowError, "storage-account-unusable"),
        (400, "InvalidHeaderValue", "read", AttemptError, "blob-unreadable"),
        (403, "AuthorizationPermissionMismatch", "list", RowError, "storage-sas-permission"),
        (403, "AuthorizationResourceTypeMismatch", "list", RowError, "storage-sas-permission"),
        (403, "AuthorizationPermissionMismatch", "write", RowError, "storage-not-writable"),
        (403, "AuthorizationPermissionMismatch", "delete", RowError, "storage-not-writable"),
        (409, "BlobImmutableDueToPolicy", "delete", RowError, "storage-not-writable"),
        (400, "InvalidUri", "delete", DocumentError, "unsafe-path"),
        (503, "ServerBusy", "delete", AttemptError, "blob-unreadable"),
        (403, "AuthorizationSourceIPMismatch", "list", RowError, "storage-not-authorised"),
        (503, "ServerBusy", "read", AttemptError, "blob-unreadable"),
        (500, "InternalError", "list", AttemptError, "blob-unreadable"),
    ],
)
def test_each_refusal_is_named_by_what_it_ends(
    server: AccountServer, status: int, code: str, what: str, kind: type[FormpipeError], reason: str
) -> None:
    found = refused(server, status, code, what)
    assert (type(found), found.reason) == (kind, reason)


@pytest.mark.parametrize("what", ["list", "read", "write"])
@pytest.mark.parametrize(
    ("status", "code"),
    [(403, "AuthenticationFailed"), (403, "AuthorizationFailure"), (401, "NoAuthenticationInformation")],
)
def test_who_is_not_known_is_asked_for_its_secret_once_more(
    server: AccountServer, status: int, code: str, what: str
) -> None:
    found = refused(server, status, code, what)
    assert (type(found), found.reason) == (RowError, "storage-not-authorised")
    assert len(server.asked) == 2


@pytest.mark.parametrize(
    ("credential", "words"),
    [(SAS, ("SAS", "another container", "firewall")), (KEY, ("account key", "clock", "firewall"))],
)
def test_a_refused_sign_in_tells_what_was_shown(
    server: AccountServer, credential: str, words: tuple[str, ...]
) -> None:
    message = str(refused(server, 403, "AuthenticationFailed", "read", credential))
    assert all(word in message for word in words)


def test_a_sas_that_is_over_is_told_by_its_end(server: AccountServer) -> None:
    found = refused(server, 403, "AuthenticationFailed", "list", SAS.replace("03-03", "03-01"))
    assert found.reason == "storage-sas-expired"


def test_an_account_that_is_busy_is_asked_again_and_then_let_be(server: AccountServer) -> None:
    answers = iter([refusing(503, "ServerBusy"), listing("a.pdf")])
    server.say = lambda asking: next(answers)
    assert [blob.path for blob in storage(server).list("forms")] == ["a.pdf"]
    server.asked.clear()
    refused(server, 503, "ServerBusy", "list")
    assert len(server.asked) == 1 + AT_ONCE.retries


def test_a_page_that_fails_is_asked_for_again_and_no_name_comes_twice(server: AccountServer) -> None:
    answers = iter([listing("1", "2", marker="m"), refusing(500, "InternalError"), listing("3")])
    server.say = lambda asking: next(answers)
    assert [blob.path for blob in storage(server).list("forms")] == ["1", "2", "3"]
    assert [asking.query.get("marker") for asking in server.asked] == [None, "m", "m"]


def test_a_connection_that_breaks_off_in_a_blob_ends_the_attempt(server: AccountServer) -> None:
    headers = {"ETag": '"1"', "Content-Range": "bytes 0-999/1000", "x-ms-blob-type": "BlockBlob"}
    server.say = lambda asking: Saying(206, b"x" * 1000, headers, cut=10)
    with pytest.raises(AttemptError) as caught:
        storage(server).read("forms", "a.pdf")
    assert caught.value.reason == "blob-unreadable"


def test_an_account_that_is_away_ends_the_attempt() -> None:
    with serving(lambda asking: Saying()) as gone:
        pass
    with pytest.raises(AttemptError) as caught:
        list(storage(gone).list("forms"))
    assert caught.value.reason == "blob-unreadable"


def test_a_listing_is_held_a_page_at_a_time(server: AccountServer) -> None:
    """The account's listing has no end; what is held of it does not grow."""
    page = listing(*(f"{number:04}.pdf" for number in range(200)), marker="more")
    server.say = lambda asking: page
    names = storage(server, page_size=200).list("forms")
    assert len(list(islice(names, 1000))) == 1000
    assert len(server.asked) == 5
    tracemalloc.start()
    try:
        held = [_held(names, server) for _ in range(3)]
    finally:
        tracemalloc.stop()
    assert held[-1] < held[0] * 1.5


def _held(names: Iterator[Blob], server: AccountServer) -> int:
    """Bytes after another five pages; the SDK leaves circles behind, which are not held."""
    assert len([None for _ in islice(names, 1000)]) == 1000
    server.asked.clear()
    gc.collect()
    return tracemalloc.get_traced_memory()[0]


def test_metadata_is_asked_for_only_from_where_a_folder_may_be(server: AccountServer) -> None:
    pages = {None: listing("a", marker="1"), "1": listing("b", sizes=0, marker="2"), "2": listing("c")}
    server.say = lambda asking: pages[asking.query.get("marker")]
    assert [blob.path for blob in storage(server).list("forms")] == ["a", "b", "c"]
    asked = [(asking.query.get("marker"), asking.query.get("include")) for asking in server.asked]
    assert asked == [(None, None), ("1", None), ("1", "metadata"), ("2", "metadata")]


def test_a_read_asks_for_the_very_version(server: AccountServer) -> None:
    headers = {"ETag": '"0x8D"', "Content-Range": "bytes 0-0/1", "x-ms-blob-type": "BlockBlob"}
    server.say = lambda asking: Saying(206, b"x", headers)
    assert storage(server).read("forms", "a.pdf", "0x8D") == b"x"
    assert server.asked[0].headers["if-match"] == '"0x8D"'


@pytest.mark.parametrize(
    "path",
    ["", "a/../../b", "a\\..\\..\\b", "a/./b", "a\nb", "a\x7fb", "a\ud800b", "x" * 1025, "/".join("x" * 255)],
)
def test_what_cannot_be_a_blob_is_not_asked_for(server: AccountServer, path: str) -> None:
    for call in (
        lambda: storage(server).read("forms", path),
        lambda: storage(server).write("forms", path, b""),
    ):
        with pytest.raises(DocumentError) as caught:
            call()
        assert caught.value.reason == "unsafe-path"
    assert not server.asked


def test_threads_that_meet_a_changed_key_read_the_secret_once_between_them(server: AccountServer) -> None:
    """All of them were refused before any of them asked again."""
    refusals = threading.Barrier(4)

    def say(asking: Asking) -> Saying:
        if asking.query["sig"] == "old":
            refusals.wait(5)
            return refusing(403, "AuthenticationFailed")
        return listing("a.pdf")

    server.say = say
    read: list[bool] = []

    def account(fresh: bool) -> BlobAccount:
        read.append(fresh)
        return BlobAccount.of(server.url, SAS.replace("canary", "new" if fresh else "old"))

    store = BlobStorage(account, patience=AT_ONCE)
    found: list[object] = []
    threads = [threading.Thread(target=lambda: found.append(do(store, "list"))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert len(found) == 4
    assert read == [False, True]


@pytest.mark.parametrize("code", ["BlobNotFound", "ContainerNotFound", "ResourceNotFound"])
def test_what_is_not_there_is_deleted_already(server: AccountServer, code: str) -> None:
    server.say = lambda asking: refusing(404, code)
    storage(server).delete("forms", "out/a.json")
    assert len(server.asked) == 1


def test_a_sas_that_may_not_delete_is_told_what_it_needs(server: AccountServer) -> None:
    told = str(refused(server, 403, "AuthorizationPermissionMismatch", "delete", SAS))
    assert "the SAS needs the permission to delete (d)" in told


def test_an_identity_that_lacks_a_role_is_told_which() -> None:
    from azure.core.exceptions import HttpResponseError

    from pipeline.storage.refusals import Asked, Doing, refusal

    error = HttpResponseError("secret text of the service")
    error.status_code = 403
    error.error_code = "AuthorizationPermissionMismatch"  # type: ignore[attr-defined]
    account = BlobAccount.of("forms", None)
    roles: dict[Doing, str] = {
        "list": "Storage Blob Data Reader",
        "write": "Storage Blob Data Contributor",
        "delete": "Storage Blob Data Contributor",
        "link": "Storage Blob Delegator",
    }
    for doing, role in roles.items():
        found = refusal(error, Asked(doing, "lake", account), NOW)
        assert role in str(found) and "secret text" not in str(found)
        assert found.reason == (
            "storage-not-writable" if doing in ("write", "delete") else "storage-not-authorised"
        )


def test_by_its_own_patience_an_account_that_is_busy_takes_seconds() -> None:
    patience = Patience()
    waits = [patience.first_wait + patience.wait_base**n for n in range(1, patience.retries + 1)]
    assert waits == [3, 5, 9]


def test_a_link_of_an_identity_that_nobody_signed_in_is_named() -> None:
    from azure.core.exceptions import ClientAuthenticationError

    class Nobody:
        def get_token(self, *scopes: str, **more: object) -> object:
            raise ClientAuthenticationError("DefaultAzureCredential failed to retrieve a token")

    store = BlobStorage(lambda fresh: BlobAccount.of("forms", None), identity=Nobody, patience=AT_ONCE)
    with pytest.raises(RowError) as caught:
        store.link("lake", permissions="rl", lifetime=timedelta(hours=1))
    assert caught.value.reason == "storage-not-authorised"
    assert "az login" in str(caught.value)


# --- listings that break --------------------------------------------------------------------------------

PAGES = {None: (("1", "2"), "a"), "a": (("3", "4"), "b"), "b": (("5",), "c"), "c": (("6", "7"), "")}


def breaking(server: AccountServer, answers: dict[str, list[Saying]]) -> None:
    """Pages by marker; before the page of a marker, what `answers` has for it."""

    def say(asking: Asking) -> Saying:
        marker = asking.query.get("marker")
        if waiting := answers.get(marker or "", []):
            return waiting.pop(0)
        names, following = PAGES[marker]
        return listing(*names, marker=following)

    server.say = say


def names_of(server: AccountServer, pauses: list[float]) -> list[str]:
    return [blob.path for blob in storage(server, sleep=pauses.append).list("forms")]


@pytest.mark.parametrize(
    "trouble", [refusing(500, "InternalError"), refusing(503, "ServerBusy"), Saying(200, b"<Enum" * 9, cut=9)]
)
def test_a_listing_that_breaks_goes_on_from_its_marker(
    server: AccountServer, trouble: Saying, caplog: pytest.LogCaptureFixture
) -> None:
    """The SDK gives up after three tries; twice at one page, once at another."""
    breaking(server, {"a": [trouble] * 6, "c": [trouble] * 3})
    pauses: list[float] = []
    assert names_of(server, pauses) == ["1", "2", "3", "4", "5", "6", "7"]
    assert len(pauses) >= 1 and max(pauses) <= 60
    told = [record.getMessage() for record in caplog.records if "a listing broke" in record.getMessage()]
    assert len(told) == len(pauses)
    assert not any("canary" in line or "://" in line for line in told)


def test_a_listing_that_keeps_breaking_ends_by_name(server: AccountServer) -> None:
    breaking(server, {"b": [refusing(503, "ServerBusy")] * 99})
    pauses: list[float] = []
    with pytest.raises(AttemptError) as caught:
        names_of(server, pauses)
    assert (caught.value.reason, len(pauses)) == ("blob-unreadable", 5)


def test_a_listing_whose_marker_is_refused_takes_the_page_before_again(server: AccountServer) -> None:
    """A blob that came meanwhile is among its names; no name comes twice."""
    breaking(server, {"b": [refusing(400, "InvalidQueryParameterValue")]})
    say = server.say
    server.say = lambda asking: (
        listing("3", "3a", "4", marker="b") if _second(server, asking) else say(asking)
    )
    assert names_of(server, []) == ["1", "2", "3", "4", "3a", "5", "6", "7"]


def _second(server: AccountServer, asking: Asking) -> bool:
    marker = asking.query.get("marker")
    return marker == "a" and [each.query.get("marker") for each in server.asked].count("a") == 2


@pytest.mark.parametrize("marker", ["a", "b"])
def test_markers_that_are_always_refused_end_the_listing(server: AccountServer, marker: str) -> None:
    breaking(server, {marker: [refusing(400, "OutOfRangeInput")] * 99})
    with pytest.raises(AttemptError) as caught:
        names_of(server, [])
    assert caught.value.reason == "blob-unreadable"


def test_a_sign_in_that_ends_in_a_listing_is_not_waited_for(server: AccountServer) -> None:
    breaking(server, {"b": [refusing(403, "AuthorizationPermissionMismatch")] * 9})
    pauses: list[float] = []
    with pytest.raises(RowError):
        names_of(server, pauses)
    assert pauses == []

"""What only a blob account does: pages of names, signatures, pinned reads, keys that change."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import requests

from pipeline.errors import AttemptError, RowError
from pipeline.storage.account import BlobAccount
from pipeline.storage.blob import BlobStorage, Patience
from pipeline.storage.probe import probe
from tests.azure.azurite import Account, Azurite
from tests.unit.storage.account_server import Asking, Saying, serving

HOUR, NONE = timedelta(hours=1), timedelta()


@pytest.fixture
def account(azurite: Azurite) -> Iterator[Account]:
    container = azurite.first.container("lake")
    for blob in list(container.list_blob_names()):
        container.delete_blob(blob)
    yield azurite.first


def storage(account: Account, credential: str | None = None, **more: int) -> BlobStorage:
    secret = account.connection_string if credential is None else account.url
    return BlobStorage(lambda fresh: BlobAccount.of(secret, credential), **more)  # type: ignore[arg-type]


def test_names_come_page_by_page_as_they_are_asked_for(account: Account) -> None:
    container = account.container("lake")
    for number in range(7):
        container.upload_blob(f"in/{number}.pdf", b"x")
    listing = storage(account, page_size=2).list("lake", "in/")
    assert next(listing).path == "in/0.pdf"
    container.delete_blob("in/6.pdf")
    assert [blob.path for blob in listing] == [f"in/{number}.pdf" for number in range(1, 6)]


def test_the_markers_of_folders_are_no_documents(account: Account) -> None:
    container = account.container("lake")
    container.upload_blob("in/folder", b"", metadata={"hdi_isfolder": "true"})
    container.upload_blob("in/folder/a.pdf", b"x")
    container.upload_blob("in/empty.pdf", b"")
    container.upload_blob("in/another/", b"")
    for size in (1, 2, 5000):
        found = storage(account, page_size=size).list("lake", "in/")
        assert [blob.path for blob in found] == ["in/empty.pdf", "in/folder/a.pdf"]
    beside = storage(account).list("lake", "in/", recursive=False)
    assert [blob.path for blob in beside] == ["in/empty.pdf"]


def test_a_read_is_pinned_to_the_version_that_was_listed(account: Account) -> None:
    container = account.container("lake")
    container.upload_blob("a.pdf", b"first")
    (blob,) = storage(account).list("lake")
    container.upload_blob("a.pdf", b"second", overwrite=True)
    with pytest.raises(AttemptError) as caught:
        storage(account).read("lake", "a.pdf", blob.etag)
    assert caught.value.reason == "blob-changed"
    assert storage(account).read("lake", "a.pdf") == b"second"


@pytest.mark.parametrize("kind", ["account", "container"])
def test_a_sas_is_enough(account: Account, kind: str) -> None:
    account.container("lake").upload_blob("a.pdf", b"x")
    sas = account.account_sas() if kind == "account" else "?" + account.container_sas("lake", "rlwc")
    store = storage(account, sas)
    assert store.account == account.name
    assert [blob.path for blob in store.list("lake")] == ["a.pdf"]
    store.write("lake", "out/a.json", b"{}")
    assert store.read("lake", "out/a.json") == b"{}"


def test_deleting_takes_a_permission_of_its_own(account: Account) -> None:
    container = account.container("lake")
    blob = container.upload_blob("out/a.json", b"{}", overwrite=True)
    blob.create_snapshot()
    with pytest.raises(RowError) as caught:
        storage(account, account.container_sas("lake", "rwl")).delete("lake", "out/a.json")
    assert caught.value.reason == "storage-not-writable"
    assert "permission to delete (d)" in str(caught.value)
    storage(account, account.container_sas("lake", "d")).delete("lake", "out/a.json")
    assert [*container.list_blobs("out/", include=["snapshots"])] == []
    storage(account, account.container_sas("lake", "d")).delete("lake", "out/a.json")


def refused(account: Account, sas: str, what: str = "list") -> RowError:
    store = storage(account, sas)
    with pytest.raises(RowError) as caught:
        if what == "list":
            list(store.list("lake"))
        elif what == "read":
            store.read("lake", "a.pdf")
        else:
            store.write("lake", "out.json", b"{}")
    assert "sig=" not in str(caught.value)
    return caught.value


def test_what_a_sas_does_not_allow_is_named(account: Account) -> None:
    past = datetime.now(UTC) - HOUR
    assert refused(account, account.container_sas("lake", expiry=past)).reason == "storage-sas-expired"
    assert refused(account, account.container_sas("lake", "r")).reason == "storage-sas-permission"
    assert refused(account, account.container_sas("lake", "l"), "read").reason == "storage-sas-permission"
    assert refused(account, account.container_sas("lake"), "write").reason == "storage-not-writable"
    assert refused(account, "sv=2020-08-04&sig=wrong&sr=c&sp=rl").reason == "storage-not-authorised"


def test_a_sas_of_another_container_is_told_so(account: Account) -> None:
    account.container("other")
    found = refused(account, account.container_sas("other"))
    assert found.reason == "storage-not-authorised"
    assert "another container" in str(found)


@pytest.mark.parametrize("name", ["nowhere", "No_Container"])
def test_a_container_that_is_not_there_or_cannot_be_is_a_fault_of_the_row(
    account: Account, name: str
) -> None:
    with pytest.raises(RowError) as caught:
        list(storage(account).list(name))
    assert caught.value.reason == "container-missing"


def test_a_key_that_was_changed_is_read_again_once(account: Account) -> None:
    account.container("lake").upload_blob("a.pdf", b"x")
    asked: list[bool] = []

    def current(fresh: bool) -> BlobAccount:
        asked.append(fresh)
        key = account.key if fresh else "d3Jvbmc="
        return BlobAccount.of(account.url, key)

    store = BlobStorage(current)
    assert [blob.path for blob in store.list("lake")] == ["a.pdf"]
    assert store.read("lake", "a.pdf") == b"x"
    assert asked == [False, True]


def test_a_link_lets_a_service_read_and_list_and_nothing_more(account: Account) -> None:
    account.container("lake").upload_blob("a b.pdf", b"x")
    link = storage(account).link("lake", permissions="rl", lifetime=HOUR)
    url, query = link.url.split("?")
    assert requests.get(f"{url}/a%20b.pdf?{query}", timeout=10).content == b"x"
    listed = requests.get(f"{link.url}&restype=container&comp=list", timeout=10)
    assert b"a b.pdf" in listed.content
    headers = {"x-ms-blob-type": "BlockBlob"}
    assert requests.put(f"{url}/b.pdf?{query}", b"x", headers=headers, timeout=10).status_code == 403
    assert "sig=" not in f"{link!r}{link}"


def test_a_given_sas_is_handed_on_only_where_it_is_good_enough(account: Account) -> None:
    good = account.container_sas("lake", "rl", expiry=datetime.now(UTC) + 2 * HOUR)
    assert good in storage(account, good).link("lake", permissions="rl", lifetime=HOUR).url
    for sas in (account.container_sas("lake", "r"), account.container_sas("lake", "rl")):
        with pytest.raises(RowError) as caught:
            storage(account, sas).link("lake", permissions="rl", lifetime=2 * HOUR)
        assert caught.value.reason == "storage-sas-unusable"
        assert "sig" not in str(caught.value)


def test_training_and_scoring_may_lie_in_two_accounts(azurite: Azurite, account: Account) -> None:
    account.container("lake").upload_blob("a.pdf", b"1")
    azurite.second.container("backlog").upload_blob("b.pdf", b"2", overwrite=True)
    first, second = storage(account), storage(azurite.second)
    assert [blob.path for blob in first.list("lake")] == ["a.pdf"]
    assert [blob.path for blob in second.list("backlog")] == ["b.pdf"]
    assert (first.account, second.account) == ("alpha", "beta")


def probed(
    account: Account, sas: str | None = None, container: str = "lake", ahead: timedelta = NONE
) -> list[str]:
    now = datetime.now(UTC) + ahead
    found = list(probe(storage(account, sas), container, needs="rl", until=now + HOUR / 2, now=now))
    assert "sig=" not in "".join(finding.message for finding in found)
    return [finding.code for finding in found]


def test_a_probe_finds_nothing_where_nothing_is_wrong(account: Account) -> None:
    assert probed(account) == []
    assert probed(account, account.container_sas("lake")) == []


def test_a_probe_asks_the_account_itself(account: Account) -> None:
    account.container("other")
    assert probed(account, container="nowhere") == ["container-missing"]
    assert probed(account, account.container_sas("other")) == ["storage-not-authorised"]
    assert probed(account, account.container_sas("lake", "r")) == ["sas-permission-missing"]
    assert probed(replace(account, key="d3Jvbmc=")) == ["storage-not-authorised"]


def test_a_probe_takes_the_time_from_the_account(account: Account) -> None:
    assert probed(account, ahead=timedelta(minutes=20)) == ["clock-skew"]
    behind = account.container_sas("lake", start=datetime.now(UTC) - HOUR)
    assert probed(account, behind, ahead=-2 * HOUR) == ["clock-skew"]


def test_a_probe_of_nobody_says_so(account: Account) -> None:
    assert probed(replace(account, port=1)) == ["storage-not-reachable"]


def test_a_listing_whose_connection_breaks_loses_no_name_and_gives_none_twice(account: Account) -> None:
    """A proxy cuts the answers to the third page until the SDK has given up, and once those to the fifth."""
    container = account.container("lake")
    names = [f"in/{number:02}.pdf" for number in range(23)]
    for name in names:
        container.upload_blob(name, b"x")
    cut: dict[int, int] = {3: 3, 5: 1}
    markers: list[str] = []

    def forward(asking: Asking) -> Saying:
        marker = asking.query.get("marker", "")
        markers.extend([] if marker in markers else [marker])
        answer = requests.get(account.url + asking.path, params=asking.query, timeout=10)
        page, kind = markers.index(marker) + 1, answer.headers["Content-Type"]
        broken = cut.get(page, 0) > 0
        cut[page] = cut.get(page, 0) - 1
        return Saying(answer.status_code, answer.content, {"Content-Type": kind}, cut=40 if broken else None)

    with serving(forward) as proxy:
        sas = BlobAccount.of(proxy.url, account.container_sas("lake", "rl"))
        once = Patience(retries=2, first_wait=0, wait_base=0, jitter=0)
        store = BlobStorage(lambda fresh: sas, page_size=4, patience=once, sleep=lambda seconds: None)
        assert [blob.path for blob in store.list("lake", "in/")] == names
    assert len(markers) == 6 and max(cut.values()) <= 0

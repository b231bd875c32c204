"""A storage account that an identity signs in to, over TLS, without a key or a SAS."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from azure.core.credentials import AccessToken

from pipeline.errors import RowError
from pipeline.storage.account import BlobAccount
from pipeline.storage.blob import BlobStorage
from tests.azure.azurite import Account, AzuriteMissingError, running_azurite

HOUR = timedelta(hours=1)
OBJECT, TENANT = "23657296-5cd5-45b0-a809-d972a7f4dfe1", "dd0d0df1-06c3-436c-8034-4b9a153097ce"


class Identity:
    """Whose token says what Azurite looks at."""

    def __init__(self, audience: str = "https://storage.azure.com") -> None:
        self.audience = audience
        self.scopes: set[str] = set()

    def get_token(self, *scopes: str, **more: Any) -> AccessToken:
        self.scopes |= {*scopes}
        now = int(time.time())
        said = {
            "aud": self.audience,
            "iss": f"https://sts.windows.net/{TENANT}/",
            "oid": OBJECT,
            "tid": TENANT,
        }
        times = {"iat": now - 60, "nbf": now - 60, "exp": now + 3600}
        return AccessToken(
            f"{_part({'alg': 'RS256', 'typ': 'JWT'})}.{_part(said | times)}.bm9uZQ", now + 3600
        )


def _part(content: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).rstrip(b"=").decode()


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    patch = pytest.MonkeyPatch()
    try:
        with running_azurite(tmp_path_factory.mktemp("azurite-tls"), tls=True) as running:
            patch.setenv("REQUESTS_CA_BUNDLE", str(running.first.authority))
            running.first.container("lake").upload_blob("a.pdf", b"x")
            yield running.first
    except AzuriteMissingError as error:
        pytest.skip(str(error))
    finally:
        patch.undo()


def storage(account: Account, identity: Identity) -> BlobStorage:
    return BlobStorage(lambda fresh: BlobAccount.of(account.url, None), identity=lambda: identity)


def test_an_identity_lists_reads_and_writes(account: Account) -> None:
    identity = Identity()
    store = storage(account, identity)
    store.write("lake", "out/a.json", b"{}")
    (first, second) = store.list("lake")
    assert (first.path, second.path) == ("a.pdf", "out/a.json")
    assert store.read("lake", second.path, second.etag) == b"{}"
    assert identity.scopes == {"https://storage.azure.com/.default"}


def test_its_link_is_signed_with_a_key_that_the_account_made_for_it(account: Account) -> None:
    link = storage(account, Identity()).link("lake", permissions="rl", lifetime=HOUR)
    told = {name: values[0] for name, values in parse_qs(urlsplit(link.url).query).items()}
    assert (told["skoid"], told["sktid"], told["sks"]) == (OBJECT, TENANT, "b")
    assert (told["sp"], told["sr"], told["spr"]) == ("rl", "c", "https")
    assert told["skt"] <= told["st"] and told["se"] <= told["ske"]
    assert "sig=" not in f"{link}{link!r}"


def test_an_identity_that_is_not_taken_is_told_what_to_do(account: Account) -> None:
    with pytest.raises(RowError) as caught:
        list(storage(account, Identity("https://vault.azure.net")).list("lake"))
    assert caught.value.reason == "storage-not-authorised"
    assert "az login" in str(caught.value)

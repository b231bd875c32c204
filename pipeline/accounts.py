"""Storage accounts by the names of their secrets, in this process or a worker."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pipeline.ports import Secrets, Storage, Storages
from pipeline.storage.folder import FolderStorage
from pipeline.types import AccountNames

if TYPE_CHECKING:
    from pipeline.secrets.chain import SecretSources
    from pipeline.storage.account import BlobAccount
    from pipeline.storage.blob import BlobStorage


@dataclass(frozen=True, slots=True)
class StorageSetup:
    """Which storage a row's containers are in, and where its secrets are looked up; holds no secret."""

    kind: Literal["folder", "azure-blob"]
    root: Path
    secrets: SecretSources


class FolderStorages:
    """One folder of this machine, whatever account a row names."""

    def __init__(self, root: Path) -> None:
        self._storage = FolderStorage(root)

    def of(self, names: AccountNames) -> Storage:
        return self._storage


class BlobStorages:
    """A client for each account that the rows name."""

    def __init__(self, secrets: Secrets) -> None:
        self._secrets = secrets
        self._opened: dict[AccountNames, BlobStorage] = {}

    def of(self, names: AccountNames) -> BlobStorage:
        from pipeline.storage.blob import BlobStorage

        if names not in self._opened:
            self._opened[names] = BlobStorage(lambda fresh: self.account(names, fresh))
        return self._opened[names]

    def account(self, names: AccountNames, fresh: bool = False) -> BlobAccount:
        """The account and its credential. Raises RowError (`secret-missing`, `storage-account-unusable`)."""
        from pipeline.storage.account import BlobAccount

        account = self._secrets.get(names.account, fresh=fresh)
        return BlobAccount.of(account, self._secrets.find(names.sas, fresh=fresh))


def open_storages(setup: StorageSetup, secrets: Secrets | None = None) -> Storages:
    """The storages of a setup; secrets are looked up when an account is first used."""
    if setup.kind == "folder":
        return FolderStorages(setup.root)
    from pipeline.secrets.chain import open_secrets

    return BlobStorages(secrets or open_secrets(setup.secrets))

"""What a failure of Cosmos DB means, by its status alone: its messages name the account."""

from __future__ import annotations

from typing import Any

from pipeline.errors import RowError

_PARTITION_FULL = 1014
"""Sub-status of a 403: "Partition key reached maximum size" (Microsoft Learn, "Diagnose and troubleshoot
Azure Cosmos DB forbidden exceptions")."""


def meaning(error: Any) -> RowError:
    """The error that ends the deliveries to Cosmos DB for now, with what to do."""
    status = getattr(error, "status_code", None)
    if status == 403 and getattr(error, "sub_status", None) == _PARTITION_FULL:
        return RowError(
            "a logical partition of the Cosmos DB container is full (20 GB): name a new container in "
            "cosmos_container for the form types to come",
            reason="sink-partition-full",
        )
    if status in (401, 403):
        return RowError(
            f"Cosmos DB refuses the sign-in ({status}): check the key that cosmos_key_secret names, the role "
            "of the identity, and the firewall of the account",
            reason="sink-not-authorised",
        )
    if status == 404:
        return RowError(
            "the Cosmos DB container is no longer there",
            reason="sink-container-missing",
        )
    if status == 429:
        return RowError(
            "Cosmos DB goes on throttling: give the container more request units",
            reason="sink-throttled",
        )
    if status is not None:
        return RowError(f"Cosmos DB failed ({status})", reason="sink-failed")
    return _unanswered(error)


def _unanswered(error: Any) -> RowError:
    """No answer: nobody there, or nobody could sign in."""
    kind = type(error).__name__
    if kind in ("ClientAuthenticationError", "CredentialUnavailableError"):
        return RowError(
            "nobody is signed in to Cosmos DB: set the secret that cosmos_key_secret names, or sign in "
            "(`az login`, a managed identity)",
            reason="sink-not-authorised",
        )
    return RowError(
        f"Cosmos DB does not answer ({kind}): check cosmos_endpoint and the network",
        reason="sink-not-reachable",
    )

"""Secrets from a Databricks scope: by the cluster's own utility where there is one, else over the workspace's
REST API. Both hide behind `WorkspaceClient.dbutils.secrets`, and so does a Key Vault behind the scope."""

from __future__ import annotations

import logging
import os
import re
import threading
from collections.abc import Callable
from typing import Any

from pydantic import SecretStr

from pipeline.errors import RowError
from pipeline.secrets.databricks_faults import NOT_SIGNED_IN, Refusal, meaning
from pipeline.secrets.environment import names_of
from pipeline.secrets.values import held

_NOT_IN_A_VAULT = re.compile(r"[^0-9a-zA-Z-]")
_CLUSTER = "DATABRICKS_RUNTIME_VERSION"
"""A variable of every process of a cluster (Databricks documentation, "Databricks Runtime")."""

_RETRY_SECONDS = 60
"""How long the SDK tries a throttled or failed call again; its own five minutes look like a hang."""


class DatabricksScopeSecrets:
    """`utility` makes what `dbutils.secrets` is; it is made when the first secret is asked for. `options` are
    for the SDK's Config of the one that is made otherwise.

    On a cluster only the driver is signed in. Its executors have no scope to ask, which is no fault: what
    they need is in their environment."""

    def __init__(
        self,
        scope: str,
        utility: Callable[[], Any] | None = None,
        *,
        on_cluster: bool | None = None,
        **options: Any,
    ) -> None:
        self._scope = scope
        self._on_cluster = _CLUSTER in os.environ if on_cluster is None else on_cluster
        self._out_of_reach = False
        self._make = utility or (lambda: open_utility(**options))
        self._utility: Any = None
        self._opening = threading.Lock()
        self._scope_is_there = False

    def find(self, name: str) -> SecretStr | None:
        """The value; None where the scope has no such secret.

        Raises RowError `databricks-not-installed`, `databricks-not-signed-in`, `databricks-scope-missing`,
        `databricks-scope-forbidden`, `databricks-not-on-a-cluster`, `databricks-vault-unusable`,
        `databricks-secret-not-text`, `databricks-refused`, AttemptError `databricks-throttled`,
        `databricks-not-reachable`: a scope that fails is no miss.
        """
        if self._is_out_of_reach():
            return None
        for key in keys_of(name):
            value = self._asked(key)
            if value is not None:
                return value
        self._require_scope()
        return None

    def looked_in(self, name: str) -> str:
        if self._out_of_reach:
            return f"not in the Databricks scope {self._scope}, which executors cannot ask"
        return f"the Databricks scope {self._scope} (secret {' and '.join(keys_of(name))})"

    def to_set(self, name: str) -> str:
        if self._out_of_reach:
            value = f"{{{{secrets/{self._scope}/{keys_of(name)[-1]}}}}}"
            return f"`spark_env_vars` of the cluster: {names_of(name)[-1]}: {value}"
        there = f"`databricks secrets put-secret {self._scope} {name}`"
        return f"{there} (where a Key Vault is behind the scope: {keys_of(name)[-1]} in that vault)"

    def _asked(self, key: str) -> SecretStr | None:
        utility = self._opened()
        refusal: Refusal | None
        try:
            value = held(utility.get(self._scope, key))
        except UnicodeDecodeError:
            refusal = None
        except Exception as error:  # on a cluster whatever the JVM throws
            refusal = Refusal.of(error)
        else:
            self._scope_is_there = True
            return value
        if refusal is None:
            told = f"the secret {key} of the Databricks scope {self._scope} is not UTF-8: store a text there"
            raise RowError(told, reason="databricks-secret-not-text")
        if refusal.is_miss:
            return None
        raise meaning(refusal, self._scope, key)

    def _require_scope(self) -> None:
        """A scope that is not there answers as one that lacks the secret: the list tells them apart."""
        if self._scope_is_there:
            return
        utility = self._opened()
        refusal: Refusal | None = None
        try:
            scopes = [str(each.name) for each in utility.listScopes()]
        except Exception as error:
            refusal = Refusal.of(error)
        else:
            self._scope_is_there = self._scope.casefold() in [each.casefold() for each in scopes]
        if refusal is not None:
            raise meaning(refusal, self._scope, "")
        if not self._scope_is_there:
            raise RowError(
                f"this Databricks workspace has no secret scope {self._scope}: make it (`databricks secrets "
                f"create-scope {self._scope}`, or the bundle in config/databricks), or set "
                "databricks_secret_scope to one of `databricks secrets list-scopes`",
                reason="databricks-scope-missing",
            )

    def _is_out_of_reach(self) -> bool:
        if self._out_of_reach or not self._on_cluster:
            return self._out_of_reach
        try:
            self._opened()
        except RowError as error:
            if error.reason != "databricks-not-signed-in":
                raise
            self._out_of_reach = True
        return self._out_of_reach

    def _opened(self) -> Any:
        with self._opening:
            if self._utility is None:
                self._utility = self._make()
            return self._utility


def keys_of(name: str) -> tuple[str, ...]:
    """The names a secret may have in a scope: as it is written, and, for a Key Vault behind the scope, with
    letters, digits and dashes alone."""
    return tuple(dict.fromkeys((name, _NOT_IN_A_VAULT.sub("-", name))))


def open_utility(**options: Any) -> Any:
    """`dbutils.secrets` of whoever is signed in: the cluster's own, else the SDK's over REST (GET
    /api/2.0/secrets/get, Databricks REST API reference, "Get a secret").

    Raises RowError `databricks-not-installed`, `databricks-not-signed-in`.
    """
    # else its warnings stand between our lines
    logging.getLogger("databricks").addHandler(logging.NullHandler())
    try:
        from databricks.sdk import WorkspaceClient
        from databricks.sdk.core import Config
    except ImportError:
        raise RowError(
            "a Databricks secret scope needs one more package: pip install 'formpipe[databricks]'",
            reason="databricks-not-installed",
        ) from None
    try:
        config = Config(**{"retry_timeout_seconds": _RETRY_SECONDS, **options})
        return WorkspaceClient(config=config).dbutils.secrets
    except Exception:  # ValueError is the SDK's word for no credentials; a cluster has others, too
        pass
    raise RowError(
        f"nobody is signed in to a Databricks workspace: {NOT_SIGNED_IN}", reason="databricks-not-signed-in"
    )

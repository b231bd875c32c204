"""Each test has a database, a container and a service of its own on shared servers."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.azure.azurite import Azurite
from tests.chaos.scene import Scene, a_service
from tests.databases.postgresql import Postgresql

MakeScene = Callable[[int], Scene]


@pytest.fixture
def scene(postgresql: Postgresql, azurite: Azurite, tmp_path: Path) -> Iterator[MakeScene]:
    """A scene with so many documents, on PostgreSQL and a real blob server."""
    with ExitStack() as opened:

        def make(documents: int) -> Scene:
            url = postgresql.create()
            opened.callback(postgresql.drop, url)
            can = opened.enter_context(a_service(tmp_path))
            made = Scene(tmp_path / "project", url, can, azurite.first, f"c{uuid.uuid4().hex[:20]}")
            made.set_up(documents)
            return made

        yield make

"""What every test may ask for."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def shared_forms() -> Path:
    """Real forms beside the checkout; a test that needs them is skipped where they are absent."""
    folder = Path(__file__).parents[1].parent / "shared" / "forms"
    if not folder.is_dir():
        pytest.skip("../shared/forms is not here")
    return folder

"""Projects of the acceptance tests are attacked here."""

from tests.acceptance.conftest import project

__all__ = ["project"]

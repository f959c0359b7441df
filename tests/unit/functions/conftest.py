"""What the tests of the functions share."""

from __future__ import annotations

from tests.contract.handlers import documented  # noqa: F401 - for every test here

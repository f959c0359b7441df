"""What attacks on the functions share with the functions' own tests: a migrated database and its logins."""

from __future__ import annotations

from tests.functions.conftest import orders, secrets, settings  # noqa: F401

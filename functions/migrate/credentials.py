"""Passwords of the database's roles, kept in Secrets Manager and nowhere else.

The secret is written before the role gets the password: whoever stops in between finds the secret's password on the
next run and sets it. So the secret always has what the role has or is about to have.
"""

from __future__ import annotations

import secrets
import string
from typing import Protocol

PASSWORD_LENGTH = 40
# Letters and digits only: DMS takes no ; . : + in a password, and others would have to be quoted somewhere.
ALPHABET = string.ascii_letters + string.digits


class Secrets(Protocol):
    """What is needed of `SecretStore`."""

    def find(self, arn: str) -> dict[str, str] | None:
        """The secret's fields, None if it has no value yet."""
        ...

    def write(self, arn: str, fields: dict[str, str | int]) -> None:
        """Make the fields the secret's value."""
        ...


def keep_password(store: Secrets, arn: str, role: str, address: dict[str, str | int] | None = None) -> str:
    """The role's password: the secret's, or a new one if the secret has none yet.

    The secret ends up with username, password and the fields of `address` (for DMS: host and port); other fields stay.
    Raises SecretUnreadable.
    """
    present = store.find(arn) or {}
    password = present.get("password") or "".join(secrets.choice(ALPHABET) for _ in range(PASSWORD_LENGTH))
    wanted: dict[str, str | int] = {**present, "username": role, "password": password, **(address or {})}
    if {name: str(value) for name, value in wanted.items()} != present:
        store.write(arn, wanted)
    return password

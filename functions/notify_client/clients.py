"""Clients of SES and DynamoDB, made of one session: what botocore reads from files to find a service is read once.

botocore takes a quarter of a second to import on a small function, so it is imported when the first batch is there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from botocore.client import BaseClient

# SES: a long wait for the answer and one repetition, see post.py. In seconds.
MAIL_CONNECT_S, MAIL_READ_S, MAIL_ATTEMPTS = 2, 5, 2
TABLE_CONNECT_S, TABLE_READ_S, TABLE_ATTEMPTS = 1, 2, 3


class Clients(NamedTuple):
    """What mails are handed in to, and what holds the ledger."""

    mail: BaseClient
    table: BaseClient


def connect() -> Clients:
    """Make both clients; where the services are comes from the environment as botocore knows it."""
    from botocore.config import Config
    from botocore.session import Session

    session = Session()

    def bounds(connect_s: int, read_s: int, attempts: int) -> Config:
        retries = {"mode": "standard", "total_max_attempts": attempts}
        return Config(connect_timeout=connect_s, read_timeout=read_s, retries=retries)  # type: ignore[arg-type]

    return Clients(
        mail=session.create_client("sesv2", config=bounds(MAIL_CONNECT_S, MAIL_READ_S, MAIL_ATTEMPTS)),
        table=session.create_client("dynamodb", config=bounds(TABLE_CONNECT_S, TABLE_READ_S, TABLE_ATTEMPTS)),
    )

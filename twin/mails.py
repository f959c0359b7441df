"""The mails that would have left this machine: what the local SES was handed, kept in its memory until it stops."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import httpx
from rich.console import Console
from rich.text import Text

from twin.errors import TwinError

TIMEOUT_S = 5.0
POLL_S = 0.05


class MailError(TwinError):
    """The mails cannot be had."""


@dataclass(frozen=True)
class Mail:
    """One mail.

    Attributes:
        at: unix seconds at which SES took it.
    """

    sender: str
    to: tuple[str, ...]
    subject: str
    text: str
    html: str
    at: float


def sent(endpoint: str) -> list[Mail]:
    """List the mails of a running twin, oldest first.

    Args:
        endpoint: base URL of the twin's AWS.

    Raises:
        MailError: it does not answer, or answers something else.
    """
    url = f"{endpoint}/_ministack/ses/messages"
    try:
        # trust_env off: a proxy of the user's is of no use for an address on this machine.
        with httpx.Client(timeout=TIMEOUT_S, trust_env=False) as client:
            response = client.get(url)
        response.raise_for_status()
        accounts = response.json()["messages"].values()
    except (httpx.HTTPError, ValueError, KeyError) as error:
        reason = type(error).__name__
        raise MailError(f"{url} gave no mails ({reason}). Does the twin still run (`make status`)?") from error
    return sorted((_mail(record) for records in accounts for record in records), key=lambda mail: mail.at)


def wait_for(endpoint: str, count: int, timeout_s: float) -> list[Mail]:
    """Wait until there are so many mails and give them.

    Raises:
        MailError: there were fewer after `timeout_s` seconds.
    """
    deadline = time.monotonic() + timeout_s
    while len(mails := sent(endpoint)) < count:
        if time.monotonic() > deadline:
            raise MailError(f"There are {len(mails)} mails, not {count}, after {timeout_s:.0f} s.")
        time.sleep(POLL_S)
    return mails


def show(console: Console, mails: Sequence[Mail]) -> None:
    """Print recipient, subject and text of each; what it says is shown as it is, never taken for markup."""
    if not mails:
        console.print("No mail was sent so far.")
    for mail in mails:
        clock = time.strftime("%H:%M:%S", time.localtime(mail.at))
        head = Text.assemble((clock, "dim"), "  to ", (", ".join(mail.to), "cyan"), "  ", (mail.subject, "bold"))
        console.print(head, soft_wrap=True)
        console.print("\n".join(f"  | {line}" for line in mail.text.splitlines()), markup=False, soft_wrap=True)


def _mail(record: Mapping[str, Any]) -> Mail:
    return Mail(
        sender=str(record["Source"]),
        to=tuple(record["To"]),
        subject=str(record["Subject"]),
        text=str(record["BodyText"] or ""),
        html=str(record["BodyHtml"] or ""),
        at=float(record["Timestamp"]),
    )

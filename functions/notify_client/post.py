"""Sends mails through SES ("SendEmail", Amazon SES API v2 Reference).

SES has no token by which it would know a request that it has taken already. So when its answer is lost, nobody knows
whether the mail went out; it is then sent again. Hence a long wait for the answer, and one repetition.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from functions.notify_client.address import deliverable
from functions.notify_client.clients import MAIL_ATTEMPTS, MAIL_CONNECT_S, MAIL_READ_S
from functions.notify_client.errors import MailRefused, PostUnavailable
from functions.notify_client.letter import Letter
from functions.notify_client.settings import MailSettings

if TYPE_CHECKING:
    from botocore.client import BaseClient

# The longest that a call may take, with the pause between its attempts.
LONGEST_CALL_MS = 1000 * (MAIL_ATTEMPTS * (MAIL_CONNECT_S + MAIL_READ_S) + 1)
# What these say is about one mail. All else is about the sender, the account or the service.
_ABOUT_THIS_MAIL = frozenset({"BadRequestException", "MessageRejected"})
_NOT_IN_A_TAG = re.compile(r"[^A-Za-z0-9_.@-]")
_LONGEST_TAG = 256


class Post:
    """Where mails are handed in."""

    def __init__(self, settings: MailSettings, client: BaseClient) -> None:
        self._settings = settings
        self._client: Any = client

    def recipient(self, address: str) -> str | None:
        """Who gets a mail for this address: while sandboxed always the same; None if it can reach nobody."""
        if self._settings.only_to is not None:
            return self._settings.only_to
        return deliverable(address)

    def send(self, letter: Letter, *, to: str, event_id: str) -> str:
        """Hand a mail in and give the id that SES has for it.

        Raises MailRefused if SES does not take it, PostUnavailable if SES takes none now. After PostUnavailable the
        mail may have been taken all the same.
        """
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            answer = self._client.send_email(**self._request(letter, to, event_id))
        except ClientError as error:
            # SES repeats addresses in its messages: only the code is passed on.
            code = error.response.get("Error", {}).get("Code", "")
            if code in _ABOUT_THIS_MAIL:
                raise MailRefused(f"SES refused the mail: {code}.") from None
            raise PostUnavailable(f"SES takes no mail: {code}.") from None
        except BotoCoreError as error:
            raise PostUnavailable(f"SES gave no answer: {type(error).__name__}.") from None
        return str(answer["MessageId"])

    def _request(self, letter: Letter, to: str, event_id: str) -> dict[str, Any]:
        def part(text: str) -> dict[str, str]:
            return {"Data": text, "Charset": "UTF-8"}

        return {
            "FromEmailAddress": self._settings.sender,
            "Destination": {"ToAddresses": [to]},
            "Content": {
                "Simple": {
                    "Subject": part(letter.subject),
                    "Body": {"Text": part(letter.text), "Html": part(letter.html)},
                    # RFC 3834: programs that answer mail leave this one alone.
                    "Headers": [{"Name": "Auto-Submitted", "Value": "auto-generated"}],
                }
            },
            "ConfigurationSetName": self._settings.configuration_set,
            # By this tag a bounce leads back to its event.
            "EmailTags": [{"Name": "event_id", "Value": _NOT_IN_A_TAG.sub("_", event_id)[:_LONGEST_TAG]}],
        }

"""Settings of the mails: who they come from, who gets them, how old an order may be, and where they are recorded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from functions.common.settings import Environment

_HOUR = 3600
# How much longer a record is kept than a mail may be late. Any time above zero does; this bears clocks that differ
# and lets a person look.
_RECORD_MARGIN_HOURS = 24


@dataclass(frozen=True)
class MailSettings:
    """How mails are sent.

    Attributes:
        only_to: address that gets every mail instead of the client, while sandboxed; None sends to clients.
        max_age_s: an order older than this gets no mail any more.
        ledger_table: DynamoDB table of the mails that were sent.
    """

    sender: str
    configuration_set: str
    only_to: str | None
    max_age_s: int
    ledger_table: str

    @classmethod
    def read(cls, environment: Environment) -> Self:
        """Read MAIL_SENDER, _CONFIGURATION_SET, _SANDBOX, _SANDBOX_RECIPIENT if that is true, _MAX_AGE_HOURS, _LEDGER.

        Raises SettingsError.
        """
        # Said in so many words: a variable that is lost must not mean that real people get mail.
        sandboxed = environment.choice("MAIL_SANDBOX", "true", "false") == "true"
        return cls(
            sender=environment.text("MAIL_SENDER"),
            configuration_set=environment.text("MAIL_CONFIGURATION_SET"),
            only_to=environment.text("MAIL_SANDBOX_RECIPIENT") if sandboxed else None,
            max_age_s=environment.integer("MAIL_MAX_AGE_HOURS", least=1, most=720) * _HOUR,
            ledger_table=environment.text("MAIL_LEDGER"),
        )

    @property
    def keep_s(self) -> int:
        """For how long the ledger remembers a mail.

        Longer than `max_age_s`: whoever brings an event again either finds its record or is too late.
        """
        return self.max_age_s + _RECORD_MARGIN_HOURS * _HOUR

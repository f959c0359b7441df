"""Errors of sending mail.

::

    FunctionError                   (functions/common/errors.py)
    └── NotifyError                 a mail was not sent now; its message is delivered again
        ├── MailRefused             SES does not take this mail; others may be fine
        ├── PostUnavailable         SES takes no mail at the moment: throttled, paused, out of reach, set up wrongly
        ├── LedgerUnavailable       the table of mails that were sent cannot be asked or written
        └── AlreadyUnderWay         another invocation is sending this very mail, or died while it did
"""

from __future__ import annotations

from functions.common.errors import FunctionError


class NotifyError(FunctionError):
    """A mail was not sent. The message names the reason, never the recipient."""


class MailRefused(NotifyError):  # noqa: N818 - named by what happened
    """SES does not take this mail."""


class PostUnavailable(NotifyError):  # noqa: N818
    """SES takes no mail at the moment, whoever it is for."""


class LedgerUnavailable(NotifyError):  # noqa: N818
    """The ledger did not answer, so nobody knows whether the mail was sent before."""


class AlreadyUnderWay(NotifyError):  # noqa: N818
    """The ledger has the mail as being sent by another invocation, which has not run out of time yet."""

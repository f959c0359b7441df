"""The ledger of mails: what was sent for an event is not sent again.

It is Powertools' idempotency record in DynamoDB. A record is put as "in progress", on condition that there is none,
before the mail is sent, and completed afterwards. An invocation that dies in between leaves it in progress; once the
time of that invocation has run out the mail is sent again. So a mail may come twice, but is not left out.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from functions.common.telemetry import logger
from functions.notify_client.errors import AlreadyUnderWay, LedgerUnavailable

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.idempotency import IdempotencyConfig
    from botocore.client import BaseClient

# Part of each record's key: who changes it sends mails again.
KEY_PREFIX = "order-mail"


class Ledger:
    """Remembers mails by the ids of their events.

    Args:
        table: DynamoDB table with the key `id` and the time to live in `expiration`.
        keep_s: for how long a record is kept, in seconds.
    """

    def __init__(self, table: str, keep_s: int, client: BaseClient) -> None:
        # Here and not above: it imports boto3, which is not needed to start.
        from aws_lambda_powertools.utilities.idempotency import (
            DynamoDBPersistenceLayer,
            IdempotencyConfig,
            idempotent_function,
        )

        self._config: IdempotencyConfig = IdempotencyConfig(expires_after_seconds=keep_s, hash_function="sha256")
        store = DynamoDBPersistenceLayer(table, boto3_client=client)
        self._guard: Any = idempotent_function(
            _send,
            data_keyword_argument="event_id",
            persistence_store=store,
            config=self._config,
            key_prefix=KEY_PREFIX,
        )

    def bound_by(self, context: object) -> None:
        """Tell the Lambda context of the invocation that works from now on: a record is in progress until its end."""
        self._config.register_lambda_context(context)  # type: ignore[arg-type]

    def once(self, event_id: str, send: Callable[[], str]) -> bool:
        """Send unless that was done for this event before; tells whether it was done now.

        Raises AlreadyUnderWay, LedgerUnavailable, and what `send` raises; then the event has no record, or one that
        ends with this invocation.
        """
        from aws_lambda_powertools.utilities.idempotency.exceptions import (
            IdempotencyAlreadyInProgressError,
            IdempotencyInconsistentStateError,
            IdempotencyPersistenceLayerError,
        )

        sent: list[str] = []
        try:
            self._guard(event_id=event_id, send=send, sent=sent)
        except IdempotencyAlreadyInProgressError:
            raise AlreadyUnderWay("Another invocation is sending this mail.") from None
        except (IdempotencyPersistenceLayerError, IdempotencyInconsistentStateError) as error:
            if sent:
                # The message is done with, or the mail would be sent again for sure.
                logger.error("mail sent but not recorded", event_id=event_id, message_id=sent[0], reason=_reason(error))
                return True
            raise LedgerUnavailable(f"The ledger did not do its part: {_reason(error)}.") from error
        return bool(sent)


def _send(*, event_id: str, send: Callable[[], str], sent: list[str]) -> dict[str, str]:
    """What is guarded; its result is kept in the record, for people."""
    message_id = send()
    sent.append(message_id)
    return {"event_id": event_id, "message_id": message_id}


def _reason(error: Exception) -> str:
    return f"{type(error).__name__} after {type(error.__cause__).__name__}" if error.__cause__ else type(error).__name__

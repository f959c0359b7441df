"""Permissions as AWS checks them, where ministack asks for another action.

On AWS, a batch is authorized by the action on one message: "Specifying SendMessage, DeleteMessage, or
ChangeMessageVisibility [...] also grants permissions for the corresponding batch versions of those actions"
(AddPermission, SQS API reference); the actions of SNS in the service authorization reference have no batch either.
ministack asks for the batch action by its name, which a policy for AWS does not hold.
"""

from __future__ import annotations

from typing import Any

SAME_ACTION = {
    "sns:PublishBatch": "sns:Publish",
    "sqs:SendMessageBatch": "sqs:SendMessage",
    "sqs:DeleteMessageBatch": "sqs:DeleteMessage",
    "sqs:ChangeMessageVisibilityBatch": "sqs:ChangeMessageVisibility",
}


def repair(iam_actions: Any) -> None:
    """Put right what the module's docstring names, in ministack's module of IAM actions."""
    original = iam_actions.extract_iam_action

    def extract_iam_action(*arguments: Any, **options: Any) -> str | None:
        action: str | None = original(*arguments, **options)
        return action if action is None else SAME_ACTION.get(action, action)

    iam_actions.extract_iam_action = extract_iam_action

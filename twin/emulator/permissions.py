"""Permissions as AWS checks them, where ministack asks for another action.

On AWS, PublishBatch is authorized by `sns:Publish`: the "Actions defined by Amazon SNS" of the service authorization
reference have no batch action. ministack asks for `sns:PublishBatch`, which no policy for AWS would name.
"""

from __future__ import annotations

from typing import Any

SAME_ACTION = {"sns:PublishBatch": "sns:Publish"}


def repair(iam_actions: Any) -> None:
    """Put right what the module's docstring names, in ministack's module of IAM actions."""
    original = iam_actions.extract_iam_action

    def extract_iam_action(*arguments: Any, **options: Any) -> str | None:
        action: str | None = original(*arguments, **options)
        return action if action is None else SAME_ACTION.get(action, action)

    iam_actions.extract_iam_action = extract_iam_action

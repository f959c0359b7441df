"""Answers each message with a greeting."""

import os
from typing import Any

import boto3

sqs = boto3.client("sqs")


def handle(event: dict[str, Any], context: object) -> None:
    """Send an answer for each message."""
    for record in event["Records"]:
        body = f"{os.environ['GREETING']}: {record['body']}"
        sqs.send_message(QueueUrl=os.environ["ANSWERS"], MessageBody=body)

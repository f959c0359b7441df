"""boto3 clients for the twin: of the emulator only, whatever the user has configured for AWS."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

import boto3
import botocore.session
from botocore.config import Config

CONNECT_TIMEOUT_S = 3.0
READ_TIMEOUT_S = 30.0


# What a session would take from the user's environment and files: a profile that does not exist would even
# keep it from being made.
_ISOLATED = {
    "profile": (None, None, None, None),
    "config_file": (None, None, os.devnull, None),
    "credentials_file": (None, None, os.devnull, None),
    "ca_bundle": (None, None, None, None),
}


def isolated_session(aws: Mapping[str, str | None]) -> boto3.Session:
    """Make a session with the given credentials and region that reads nothing of the user's AWS configuration.

    Args:
        aws: `region`, `access_key_id`, `secret_access_key`, `session_token`.
    """
    return boto3.Session(
        aws_access_key_id=aws["access_key_id"],
        aws_secret_access_key=aws["secret_access_key"],
        aws_session_token=aws.get("session_token") or None,
        region_name=aws["region"],
        botocore_session=botocore.session.Session(session_vars=_ISOLATED),
    )


def client_maker(
    aws: Mapping[str, str | None], *, read_timeout_s: float = READ_TIMEOUT_S, connections: int = 50
) -> Callable[[str], Any]:
    """Give a function that makes a client of a service by its name, for a process that does its own retries.

    Args:
        aws: `endpoint_url`, `region`, `access_key_id`, `secret_access_key`, `session_token`.
        read_timeout_s: how long an answer may take.
        connections: how many requests may be under way at a time.
    """
    session = isolated_session(aws)
    config = Config(
        connect_timeout=CONNECT_TIMEOUT_S,
        read_timeout=read_timeout_s,
        retries={"total_max_attempts": 1, "mode": "standard"},
        parameter_validation=False,
        max_pool_connections=connections,
        tcp_keepalive=True,
        proxies={},
    )

    def make(service: str) -> Any:
        return session.client(service, endpoint_url=aws["endpoint_url"], config=config)

    return make


def queue_url(endpoint_url: str, arn: str) -> str:
    """Give the URL of a queue by its ARN, without asking: the roles of pipes and functions need not be allowed to."""
    account, name = arn.split(":")[4:6]
    return f"{endpoint_url.rstrip('/')}/{account}/{name}"

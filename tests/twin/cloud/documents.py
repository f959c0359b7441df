"""Values that the tests of the cloud share."""

from __future__ import annotations

import json
import sys

REGION, ACCOUNT = "eu-west-1", "123456789012"
RUNTIME = f"python{sys.version_info.major}.{sys.version_info.minor}"


def trust(*services: str) -> str:
    """Let services assume a role."""
    statement = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": list(services)}}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def allow(*actions: str, resource: str = "*") -> str:
    """Allow actions."""
    statement = {"Effect": "Allow", "Action": list(actions), "Resource": resource}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})

"""boto3 clients of a stack's AWS: the real one, or the twin's emulator."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boto3
import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from ops.errors import Unreachable
from ops.stack import Stack

CONNECT_TIMEOUT_S = 5
# Longer than any function of the system runs (the Lambda limit of 15 minutes).
READ_TIMEOUT_S = 910

# A twin's session takes nothing of the user's AWS configuration: a profile that does not exist would stop it.
_ISOLATED = {
    "profile": (None, None, None, None),
    "config_file": (None, None, os.devnull, None),
    "credentials_file": (None, None, os.devnull, None),
    "ca_bundle": (None, None, None, None),
}

_REFUSED = frozenset(
    {
        "AccessDenied",
        "AccessDeniedException",
        "ExpiredToken",
        "ExpiredTokenException",
        "InvalidClientTokenId",
        "UnrecognizedClientException",
        "SignatureDoesNotMatch",
    }
)


class Aws:
    """The clients of one stack, each made when it is first asked for."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self._session = _session(stack)
        self._clients: dict[str, Any] = {}
        # Clients may be shared by threads, the session that makes them may not.
        self._making = threading.Lock()

    def client(self, service: str) -> Any:
        """The client of a service; a call may take as long as a function runs, and one of Lambda is made once."""
        with self._making:
            if service not in self._clients:
                tries = 1 if service == "lambda" else 4
                config = Config(
                    connect_timeout=CONNECT_TIMEOUT_S,
                    read_timeout=READ_TIMEOUT_S,
                    retries={"mode": "standard", "total_max_attempts": tries},
                    tcp_keepalive=True,
                    # None: as the environment says.
                    proxies={} if self.stack.twin else None,
                )
                endpoint = self.stack.twin.endpoint_url if self.stack.twin else None
                with answering(self.stack):
                    self._clients[service] = self._session.client(service, endpoint_url=endpoint, config=config)
            return self._clients[service]

    def check_account(self) -> None:
        """Compare the credentials' account with the stack's.

        Raises:
            Unreachable: there are no credentials, or they are for another account.
        """
        with answering(self.stack):
            account = self.client("sts").get_caller_identity()["Account"]
        if account != self.stack.output("account"):
            raise Unreachable(
                f"The AWS credentials in use are for account {account}, stack {self.stack.name} is in account "
                f"{self.stack.output('account')}: choose other ones (AWS_PROFILE)."
            )


@contextmanager
def answering(stack: Stack) -> Iterator[None]:
    """Turn what keeps AWS from being used at all into a sentence; other errors of its services pass as they are.

    Raises:
        Unreachable: no answer, no credentials, or not enough rights.
    """
    where = f"the twin at {stack.twin.endpoint_url}" if stack.twin else "AWS"
    try:
        yield
    except ClientError as error:
        if error.response["Error"].get("Code") not in _REFUSED:
            raise
        raise Unreachable(f"{where} refused: {error}. Check the credentials in use and their rights.") from error
    except BotoCoreError as error:
        hint = " Does it still run (`make status`)? If not: `make down`, `make up`." if stack.twin else ""
        raise Unreachable(f"{where} cannot be used: {str(error).rstrip('.')}.{hint}") from error


def _session(stack: Stack) -> boto3.Session:
    region = stack.output("region")
    if stack.twin is None:
        with answering(stack):
            return boto3.Session(region_name=region)
    return boto3.Session(
        aws_access_key_id=stack.twin.access_key_id,
        aws_secret_access_key=stack.twin.secret_access_key,
        region_name=region,
        botocore_session=botocore.session.Session(session_vars=_ISOLATED),
    )

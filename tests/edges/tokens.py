"""IAM as a database or a cache sees it: whether a token is one that a role with these credentials signed, and fresh."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from types import SimpleNamespace
from unittest.mock import patch
from urllib.parse import parse_qsl, urlencode, urlsplit

import botocore.auth
from botocore.auth import SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

REGION = "eu-central-1"
ROLE = Credentials("ASIAEXAMPLE", "not/a+secret", "session/token+=")
ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": ROLE.access_key,
    "AWS_SECRET_ACCESS_KEY": ROLE.secret_key,
    "AWS_SESSION_TOKEN": str(ROLE.token),
    "AWS_REGION": REGION,
    "AWS_DEFAULT_REGION": REGION,
}


def sdk_token(service: str, host: str, query: dict[str, str], at: float, credentials: Credentials = ROLE) -> str:
    """The token that botocore signs at this time (epoch seconds), good for 15 minutes."""
    request = AWSRequest(method="GET", url=f"https://{host}/?{urlencode(query)}")
    moment = datetime.fromtimestamp(int(at), UTC)
    with patch.object(botocore.auth, "get_current_datetime", lambda remove_tzinfo=True: moment.replace(tzinfo=None)):
        SigV4QueryAuth(credentials, service, REGION, expires=900).add_auth(request)
    return str(request.url).removeprefix("https://")


def clock(now: Callable[[], float]) -> SimpleNamespace:
    """The module `time` for functions/common/signing.py, with this time of day."""
    return SimpleNamespace(time=now, gmtime=time.gmtime, strftime=time.strftime)


class Iam:
    """Checks tokens of one service. `refused` has the reasons, in order.

    Args:
        service: its name in signatures, as in "rds-db".
        host: what has to stand before the query.
        user_field: name of the query parameter that has the user.
        clock: epoch seconds as the service has them.
    """

    def __init__(self, service: str, host: str, user_field: str, clock: Callable[[], float] = time.time) -> None:
        self._service = service
        self.host = host
        self._user_field = user_field
        self.clock = clock
        self.refused: list[str] = []

    def accepts(self, user: str, token: str) -> bool:
        """Whether the token lets this user in now."""
        reason = self._reason(user, token)
        if reason:
            self.refused.append(reason)
        return not reason

    def _reason(self, user: str, token: str) -> str:
        try:
            fields = dict(parse_qsl(urlsplit(f"//{token}").query))
            signed_at = datetime.strptime(fields["X-Amz-Date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp()
            expires = int(fields["X-Amz-Expires"])
        except (KeyError, ValueError):
            return "no token"
        if expires > 900:
            return "too long"
        if not signed_at - 300 <= self.clock() < signed_at + expires:
            return "expired"
        query = {"Action": "connect", self._user_field: user}
        return "" if token == sdk_token(self._service, self.host, query, signed_at) else "not what the role would sign"

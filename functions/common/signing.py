"""Login tokens for RDS and ElastiCache: presigned URLs without their scheme, made without any call.

Sources: "IAM database authentication for MariaDB, MySQL, and PostgreSQL" (Amazon Aurora User Guide), "Authenticating
with IAM" (Amazon ElastiCache User Guide), "Create a signed AWS API request" (AWS IAM User Guide).

The signature is calculated here: botocore would do it, and takes about 110 ms to import and set up, in the first
request of every new function environment. Tests compare with botocore's own. Credentials come from the environment,
where Lambda puts them; only where they are not (SnapStart, a developer's profile) botocore looks for them.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import time
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote

from functions.common.errors import SettingsError

if TYPE_CHECKING:
    from botocore.session import Session

TOKEN_SECONDS = 900
_ALGORITHM = "AWS4-HMAC-SHA256"
_NO_BODY = hashlib.sha256(b"").hexdigest()


class Identity(NamedTuple):
    """As whom and where to sign; `session_token` is empty for credentials that have none."""

    access_key: str
    secret_key: str
    session_token: str
    region: str

    def __repr__(self) -> str:
        """Without the secrets, so that no log has them."""
        return f"Identity({self.access_key!r}, region={self.region!r})"


def database_token(host: str, port: int, user: str) -> str:
    """A password for `user` at an Aurora cluster, good for logging in during the next 15 minutes.

    Raises SettingsError if the process has no AWS credentials or region.
    """
    return presigned("rds-db", f"{host}:{port}", {"Action": "connect", "DBUser": user}, identity(), time.time())


def cache_token(name: str, user: str) -> str:
    """A password for `user` at the replication group `name`, good for logging in during the next 15 minutes.

    Raises SettingsError if the process has no AWS credentials or region.
    """
    return presigned("elasticache", name, {"Action": "connect", "User": user}, identity(), time.time())


def presigned(service: str, host: str, query: Mapping[str, str], signer: Identity, at: float) -> str:
    """`host`, path / and the query, signed for a GET (Signature Version 4) at the time `at` (epoch seconds)."""
    now = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(at))
    scope = f"{now[:8]}/{signer.region}/{service}/aws4_request"
    fields = {
        **query,
        "X-Amz-Algorithm": _ALGORITHM,
        "X-Amz-Credential": f"{signer.access_key}/{scope}",
        "X-Amz-Date": now,
        "X-Amz-Expires": str(TOKEN_SECONDS),
        "X-Amz-SignedHeaders": "host",
    }
    if signer.session_token:
        fields["X-Amz-Security-Token"] = signer.session_token
    pairs = [f"{quote(name, safe='-_.~')}={quote(value, safe='-_.~')}" for name, value in fields.items()]
    # As a client over https would send it: in lower case, and the scheme's own port left out.
    header = host.lower().removesuffix(":443")
    request = f"GET\n/\n{'&'.join(sorted(pairs))}\nhost:{header}\n\nhost\n{_NO_BODY}"
    to_sign = f"{_ALGORITHM}\n{now}\n{scope}\n{hashlib.sha256(request.encode()).hexdigest()}"
    key = f"AWS4{signer.secret_key}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.digest(key, to_sign.encode(), "sha256").hex()
    return f"{host}/?{'&'.join(pairs)}&X-Amz-Signature={signature}"


def identity() -> Identity:
    """The process's credentials and region, as they are now. Raises SettingsError if there are none."""
    access_key, secret_key, region = (
        os.environ.get(name, "") for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION")
    )
    if access_key and secret_key and region:
        return Identity(access_key, secret_key, os.environ.get("AWS_SESSION_TOKEN", ""), region)
    session = _session()
    credentials = session.get_credentials()
    found: str | None = region or session.get_config_variable("region")
    if credentials is None or not found:
        raise SettingsError("No AWS credentials or region: set AWS_REGION and run with an execution role.")
    # Frozen at this moment: credentials that renew themselves may change between two reads.
    frozen = credentials.get_frozen_credentials()
    return Identity(str(frozen.access_key), str(frozen.secret_key), frozen.token or "", found)


@cache
def _session() -> Session:
    from botocore.session import Session

    return Session()

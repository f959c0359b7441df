"""Login tokens for RDS and ElastiCache: presigned URLs without their scheme, made without any call.

Sources: "IAM database authentication for MariaDB, MySQL, and PostgreSQL" (Amazon Aurora User Guide) and
"Authenticating with IAM" (Amazon ElastiCache User Guide).

botocore takes about 90 ms to import, so it is imported when the first token is made.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from functions.common.errors import SettingsError

if TYPE_CHECKING:
    from botocore.credentials import Credentials, ReadOnlyCredentials
    from botocore.session import Session

TOKEN_SECONDS = 900


def database_token(host: str, port: int, user: str) -> str:
    """A password for `user` at an Aurora cluster, good for logging in during the next 15 minutes.

    Raises SettingsError if the process has no AWS credentials or region.
    """
    return _presigned("rds-db", f"{host}:{port}", {"Action": "connect", "DBUser": user}, *_identity())


def cache_token(name: str, user: str) -> str:
    """A password for `user` at the replication group `name`, good for logging in during the next 15 minutes.

    Raises SettingsError if the process has no AWS credentials or region.
    """
    return _presigned("elasticache", name, {"Action": "connect", "User": user}, *_identity())


def _presigned(service: str, host: str, query: Mapping[str, str], credentials: ReadOnlyCredentials, region: str) -> str:
    from botocore.auth import SigV4QueryAuth
    from botocore.awsrequest import AWSRequest

    # Plain http on purpose: it is only a name to sign. The token is sent over the database's own TLS connection.
    request = AWSRequest(method="GET", url=f"http://{host}/?{urlencode(query)}")
    SigV4QueryAuth(credentials, service, region, expires=TOKEN_SECONDS).add_auth(request)
    return str(request.url).removeprefix("http://")


@cache
def _session() -> Session:
    from botocore.session import Session

    return Session()


def _identity() -> tuple[ReadOnlyCredentials, str]:
    session = _session()
    credentials: Credentials | None = session.get_credentials()
    region: str | None = session.get_config_variable("region")
    if credentials is None or not region:
        raise SettingsError("No AWS credentials or region: set AWS_REGION and run with an execution role.")
    # Frozen at this moment: credentials that renew themselves may change between two reads.
    return credentials.get_frozen_credentials(), region

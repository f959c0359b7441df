"""The environment variables that ministack is run with.

It is built, not inherited: what the user has exported (a profile, a region, a
proxy, a Docker host) must neither reach the emulator nor the Lambda workers,
which inherit its environment.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

from twin.emulator.errors import EmulatorError

# What a program needs from the machine it runs on; nothing of this names a service.
KEPT = ("PATH", "LANG", "LC_ALL", "TZ", "LD_LIBRARY_PATH", "PYTHONHASHSEED", "VIRTUAL_ENV")

ACCOUNT = "000000000000"
REGION = "us-east-1"
ACCESS_KEY_ID = "twin-admin"

_ACCOUNT_PATTERN = re.compile(r"\d{12}")


def emulator_environment(
    folder: Path,
    port: int,
    secret_access_key: str,
    *,
    account: str = ACCOUNT,
    region: str = REGION,
    enforce_iam: bool = False,
    machine: Mapping[str, str] = os.environ,
) -> dict[str, str]:
    """Give the whole environment of an emulator that writes below `folder` only and binds `port` only.

    Args:
        folder: folder of the emulator; everything it and its Lambda workers write goes there.
        port: loopback port that it serves; Lambda workers call back to it.
        secret_access_key: secret of `ACCESS_KEY_ID`, the administrator.
        account: account of all resources, 12 digits.
        region: region that is used where a request names none.
        enforce_iam: check signatures and policies of all callers but the administrator.
        machine: environment from which `KEPT` is taken.

    Raises:
        EmulatorError: the account is not 12 digits.
    """
    if not _ACCOUNT_PATTERN.fullmatch(account):
        raise EmulatorError(f"The account of the emulator is {account!r}; an AWS account has 12 digits.")
    folder = folder.resolve()
    return {
        **{name: machine[name] for name in KEPT if name in machine},
        "HOME": str(folder / "home"),
        "TMPDIR": str(folder / "tmp"),
        "STATE_DIR": str(folder / "state"),
        "S3_DATA_DIR": str(folder / "s3"),
        "PERSIST_STATE": "1",
        "PYTHONUNBUFFERED": "1",
        "GATEWAY_PORT": str(port),
        "BIND_HOST": "127.0.0.1",
        "MINISTACK_ACCOUNT_ID": account,
        "MINISTACK_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "AWS_ACCESS_KEY_ID": ACCESS_KEY_ID,
        "AWS_SECRET_ACCESS_KEY": secret_access_key,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AUTH": "true" if enforce_iam else "false",
        "LOG_LEVEL": "WARNING",
        "LAMBDA_EXECUTOR": "local",
        # No second listener, no Docker: a socket that does not exist keeps the Docker SDK from being imported.
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        "DOCKER_HOST": f"unix://{folder / 'no-docker.sock'}",
    }

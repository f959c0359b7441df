"""The certificates that functions trust when they check who the database is.

RDS signs its servers with certificate authorities of its own, one set for a region, which no system and no Lambda
runtime trusts by itself. Source: "Using SSL/TLS to encrypt a connection to a DB cluster" (Aurora), which also names
the address of each region's bundle.
"""

from __future__ import annotations

import ssl
from pathlib import Path

_BUNDLE = "https://truststore.pki.rds.amazonaws.com/{region}/{region}-bundle.pem"


def bundle_problem(root: Path, name: str, region: str, key: str) -> str | None:
    """Say what is wrong with the bundle of certificates; None if nothing is.

    Args:
        root: the repository.
        name: path of the file in it.
        key: configuration key that names it.
    """
    path = root / name
    if Path(name).is_absolute() or not path.resolve().is_relative_to(root.resolve()):
        return f"{key} is {name!r}, which is not in this repository: functions get the file under the same path."
    if not path.is_file():
        source = _BUNDLE.format(region=region)
        return f"{key} is {name!r}, which is no file. Get it: `curl --create-dirs -o {name} {source}`."
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        context.load_verify_locations(path)
    except (ssl.SSLError, OSError) as error:
        return f"{key} is {name!r}, which holds no certificates in PEM form ({error})."
    if not context.get_ca_certs():
        return f"{key} is {name!r}, which holds no certificate of an authority."
    return None

"""Run the emulator: `python -m twin.emulator --port N --folder DIR`."""

from __future__ import annotations

import argparse
import asyncio
import errno
import logging
import os
import shutil
import sys
from pathlib import Path

from twin.emulator.control import Control
from twin.emulator.environment import ACCOUNT, REGION, emulator_environment
from twin.emulator.server import load, serve
from twin.errors import TwinError

SECRET_VARIABLE = "TWIN_ADMIN_SECRET"  # noqa: S105 - the name of a variable
FOLDERS = ("home", "tmp", "state", "s3")


def main() -> int:
    """Serve until told to stop; 2 if it cannot."""
    parser = argparse.ArgumentParser(prog="python -m twin.emulator", description=__doc__)
    parser.add_argument("--port", type=int, required=True, help="loopback port to serve")
    parser.add_argument("--folder", type=Path, required=True, help="folder that everything is written to")
    parser.add_argument("--account", default=ACCOUNT, help="account of all resources, 12 digits")
    parser.add_argument("--region", default=REGION, help="region of requests that name none")
    parser.add_argument("--enforce-iam", action="store_true", help="check signatures and policies")
    parser.add_argument("--control-port", type=int, help="loopback port that answers for DMS and Pipes")
    options = parser.parse_args()
    secret = os.environ.get(SECRET_VARIABLE, "twin-admin")
    control = Control(options.control_port, secret) if options.control_port else None
    try:
        environment = emulator_environment(
            options.folder,
            options.port,
            secret,
            account=options.account,
            region=options.region,
            enforce_iam=options.enforce_iam,
        )
        # Where the last one was killed, the code of its Lambda workers is still there.
        shutil.rmtree(options.folder / "tmp", ignore_errors=True)
        for name in FOLDERS:
            (options.folder / name).mkdir(parents=True, exist_ok=True)
        os.environ.clear()
        os.environ.update(environment)
        logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(asctime)s %(name)s %(message)s")
        asyncio.run(serve(load(options.account, options.folder, control), options.port))
    except OSError as error:
        taken = error.errno == errno.EADDRINUSE
        sys.stderr.write(f"Port {options.port} of 127.0.0.1 is taken by another program.\n" if taken else f"{error}\n")
        return 2
    except TwinError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Run a pipe: `python -m twin.pipe SPEC.json`."""

from __future__ import annotations

import json
import logging
import signal
import sys
from pathlib import Path
from typing import Any

from twin.aws_clients import client_maker
from twin.errors import TwinError
from twin.pipe.pipe import Pipe
from twin.pipe.settings import read_settings
from twin.tracing import Tracer


def main(arguments: list[str]) -> int:
    """Run the pipe of a specification until told to stop; 2 if its settings are wrong."""
    if len(arguments) != 1:
        sys.stderr.write("usage: python -m twin.pipe SPEC.json\n")
        return 2
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(asctime)s pipe %(levelname)s %(message)s")
    logging.getLogger("botocore").setLevel(logging.WARNING)
    try:
        document: dict[str, Any] = json.loads(Path(arguments[0]).read_bytes())
        settings = read_settings(document)
        pipe = Pipe(settings, client_maker(settings.aws), Tracer())
    except (TwinError, OSError, ValueError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: pipe.stop())
    pipe.run()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

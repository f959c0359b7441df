"""Run a schedule: `python -m twin.scheduler SPEC.json`."""

from __future__ import annotations

import json
import logging
import signal
import sys
from pathlib import Path
from typing import Any

from twin.aws_clients import client_maker
from twin.errors import TwinError
from twin.scheduler.scheduler import Scheduler
from twin.scheduler.settings import read_settings
from twin.tracing import Tracer


def main(arguments: list[str]) -> int:
    """Run the schedule of a specification until told to stop; 2 if AWS would refuse it."""
    if len(arguments) != 1:
        sys.stderr.write("usage: python -m twin.scheduler SPEC.json\n")
        return 2
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(asctime)s scheduler %(levelname)s %(message)s")
    logging.getLogger("botocore").setLevel(logging.WARNING)
    try:
        document: dict[str, Any] = json.loads(Path(arguments[0]).read_bytes())
        settings = read_settings(document)
        make = client_maker(settings.aws)
        scheduler = Scheduler(settings, make("lambda"), make("sqs"), Tracer())
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: scheduler.stop())
        scheduler.run()
    except (TwinError, OSError, ValueError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""Run an event source mapping: `python -m twin.event_source SPEC.json`."""

from __future__ import annotations

import json
import logging
import os
import signal
import sys
from pathlib import Path
from typing import Any

from twin.aws_clients import client_maker
from twin.errors import TwinError
from twin.event_source.mapping import EventSourceMapping
from twin.event_source.settings import read_settings
from twin.tracing import Tracer

# A function may run for 15 minutes.
READ_TIMEOUT_S = 930.0


def main(arguments: list[str]) -> int:
    """Run the mapping of a specification until told to stop; 2 if AWS would refuse it."""
    if len(arguments) != 1:
        sys.stderr.write("usage: python -m twin.event_source SPEC.json\n")
        return 2
    logging.basicConfig(
        level=logging.INFO, stream=sys.stderr, format="%(asctime)s event_source %(levelname)s %(message)s"
    )
    logging.getLogger("botocore").setLevel(logging.WARNING)
    try:
        document: dict[str, Any] = json.loads(Path(arguments[0]).read_bytes())
        settings = read_settings(document)
        connections = settings.concurrency + 1
        make = client_maker(settings.aws, read_timeout_s=READ_TIMEOUT_S, connections=connections)
        make_for_queue = client_maker(settings.queue_aws, connections=connections)
        mapping = EventSourceMapping(settings, make("lambda"), make_for_queue("sqs"), Tracer())
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: mapping.stop())
        mapping.run()
    except (TwinError, OSError, ValueError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


if __name__ == "__main__":
    status = main(sys.argv[1:])
    sys.stdout.flush()
    sys.stderr.flush()
    # Not sys.exit: it would wait for an invocation that goes on after the grace period.
    os._exit(status)

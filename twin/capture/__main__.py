"""Command line of the change capture: `python -m twin.capture SPEC.json`."""

from __future__ import annotations

import argparse
import logging
import signal
import sys
from pathlib import Path
from types import FrameType

import psycopg2

from twin.capture.checkpoint import Checkpoint
from twin.capture.errors import CaptureError
from twin.capture.slot import drop_slot
from twin.capture.spec import Spec, read_spec
from twin.capture.task import Task
from twin.tracing import Tracer

# Lanes wait for their turn at the interpreter; 5 ms, the default, would be most of a change's latency.
SWITCH_S = 0.0005


def run(spec: Spec) -> None:
    """Run a task until SIGTERM or SIGINT.

    Raises:
        CaptureError: the task cannot go on.
    """
    sys.setswitchinterval(SWITCH_S)
    task = Task(spec, Tracer())

    def stop(_number: int, _frame: FrameType | None) -> None:
        task.stop()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    task.run()


def fail(message: str, code: int) -> int:
    """Say why the process ends."""
    logging.getLogger("twin.capture").error("%s", message)
    return code


def main(arguments: list[str] | None = None) -> int:
    """Do what the command line says and give the exit code (see `twin.capture.errors`)."""
    parser = argparse.ArgumentParser(prog="python -m twin.capture", description="Runs one DMS replication task.")
    parser.add_argument("spec", type=Path, help="the task's document (JSON)")
    parser.add_argument("--drop", action="store_true", help="delete the task's slot and checkpoint, then end")
    parser.add_argument("--reload", action="store_true", help="forget the checkpoint: full load from the beginning")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stderr)
    try:
        spec = read_spec(options.spec)
        if options.drop:
            drop_slot(spec)
        else:
            if options.reload:
                Checkpoint(spec.folder).remove()
            run(spec)
    except CaptureError as error:
        return fail(str(error), error.exit_code)
    except psycopg2.Error as error:
        return fail(f"The source cannot be reached: {str(error).strip()}", 1)
    return 0


if __name__ == "__main__":
    sys.exit(main())

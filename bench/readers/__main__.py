"""A reader as a process of its own: `python -m bench.readers NAME [OPTION ...]`.

Its input is a line with the setting (JSON), then one with a slot's name for each time that it is to read. Each of these
is answered by a line with the measures (JSON).
"""

from __future__ import annotations

import json
import os
import sys
from importlib import import_module

from bench.readers.tally import Read, Setting, Tally


def main(name: str, *options: str) -> None:
    """Read whatever slots are asked for until the input ends."""
    # What libraries print is not taken for an answer.
    with os.fdopen(os.dup(sys.stdout.fileno()), "w") as answers:
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
        setting = Setting(**json.loads(sys.stdin.readline()))
        # Only this one is imported: the memory is to be its own.
        read: Read = import_module(f"bench.readers.{name}").reader(setting, *options)
        for line in sys.stdin:
            tally = Tally(setting.rows)
            read(line.strip(), tally)
            print(json.dumps(tally.measures()), file=answers, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
    sys.stdout.flush()
    # Threads of a Java virtual machine may still run.
    os._exit(0)

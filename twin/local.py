"""`make local`: the Pulumi CLI on a twin that stays. `python -m twin.local [options] [command of the CLI]`.

Without a command it is `up`. Kept apart from `twin.cli`, and small: it is
started after each change of a line of code.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from twin.errors import TwinError
from twin.folder import TwinFolder
from twin.plugin import command

ROOT = Path(__file__).resolve().parent.parent


def main() -> int:
    """Run one command of the Pulumi CLI; its exit code, or 1 with a sentence."""
    parser = argparse.ArgumentParser(prog="python -m twin.local", description=__doc__, allow_abbrev=False)
    parser.add_argument("--folder", type=Path, default=ROOT / ".twin", help="where the twin is kept (.twin)")
    parser.add_argument("--program", type=Path, default=ROOT, help="folder of a program's Pulumi.yaml (this project)")
    parser.add_argument("--on", dest="stack", default="local", help="stack of the program (local)")
    parser.add_argument("arguments", nargs=argparse.REMAINDER, help="command of the Pulumi CLI (up)")
    options = parser.parse_args()
    try:
        return command.run(
            options.arguments or ["up"],
            folder=TwinFolder(options.folder),
            program=options.program,
            stack=options.stack,
        )
    except TwinError as error:
        sys.stderr.write(f"{error}\n")
        return 1


if __name__ == "__main__":
    sys.exit(main())

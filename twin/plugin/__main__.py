"""The keeper as a process: `python -m twin.plugin --folder DIR`. Started by the plugin (`twin.plugin.edge`)."""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
from pathlib import Path
from types import FrameType

# Before gRPC is imported: this process starts others, and its own threads are no concern of theirs.
os.environ["GRPC_ENABLE_FORK_SUPPORT"] = "0"

from twin.errors import FolderError, TwinError
from twin.folder import TwinFolder
from twin.plugin.edge import TAKEN
from twin.plugin.server import KeeperServer


def main() -> int:
    """Keep a twin until told to stop; 3 if another process does already, 1 if it cannot be done."""
    parser = argparse.ArgumentParser(prog="python -m twin.plugin", description=__doc__)
    parser.add_argument("--folder", type=Path, required=True, help="the twin's folder")
    options = parser.parse_args()
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(asctime)s %(message)s")
    folder = TwinFolder(options.folder)
    try:
        folder.acquire(keeper=True)
        server = KeeperServer(folder)
    except (TwinError, OSError) as error:
        if isinstance(error, FolderError) and folder.held_by_keeper():
            return TAKEN
        sys.stderr.write(f"{error}\n")
        return 1
    stopped_by = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)

    def stop(number: int, frame: FrameType | None) -> None:
        # The machine goes down, or somebody ends us: what was made stays, for the next one.
        server.stop(keep=True)

    for number in stopped_by:
        signal.signal(number, stop)
    server.serve()
    return 0


if __name__ == "__main__":
    sys.exit(main())

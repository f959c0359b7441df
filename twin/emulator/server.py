"""Serves ministack on loopback with the twin's changes to it."""

from __future__ import annotations

import asyncio
import importlib.metadata
import logging
import signal
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, cast

from twin.emulator.control import Control
from twin.emulator.errors import EmulatorError
from twin.emulator.gateway import Application, gateway
from twin.emulator.journal import Journal
from twin.emulator.wake import Wake

# What the twin changes is inside ministack, so it is bound to the releases in which it was looked at.
TESTED_VERSIONS = ("1.5.33",)
# What the changes take hold of; a missing name is said at once and not at the first request.
NEEDED = {
    "ministack.services.sqs": ("_act_receive_message", "_HANDLERS", "_get_q", "_queues"),
    "ministack.services.kinesis": (
        "handle_request",
        "_shard_iterators",
        "_streams",
        "_expire_records",
        "_expire_iterators",
        "_get_records",
        "_route_to_shard",
        "_shard_out",
        "_build_shards",
        "_max_shard_index",
        "_next_sequence_number",
        "_resolve_stream",
        "_split_shard",
        "_merge_shards",
        "_update_shard_count",
        "_describe_stream_summary",
        "esm_wake",
    ),
    "ministack.core.lambda_runtime": ("Worker", "subprocess", "reset"),
    "ministack.core.iam_actions": ("extract_iam_action",),
    "ministack.services.ses": ("_identities", "_sent_emails"),
    "ministack.services.ses_v2": ("_identities", "_config_sets", "_missing_config_set", "_resource_arn"),
    "ministack.app": ("_enforce_ses_v2", "_enforce_data_plane"),
    "ministack.services.dynamodb": ("handle_request",),
    "ministack.services.sts": ("_sessions",),
}
STOP_GRACE_S = 4.0
LAMBDA_GRACE_S = 2.0


@dataclass(frozen=True)
class Loaded:
    """ministack, imported and changed."""

    application: Application
    wake: Wake


def load(account: str, folder: Path, control: Control | None = None) -> Loaded:
    """Import ministack (its environment variables must be set by now) and change it.

    Args:
        account: of all resources.
        folder: of the emulator, for its journal.
        control: answers for services that ministack does not run.

    Raises:
        EmulatorError: the installed ministack is another release and lacks what the twin changes.
    """
    from ministack.core import concurrency

    from twin.emulator import lambda_workers, long_polls, mail_permissions, permissions, streams

    # Before any service is imported: each takes its own reference to the event.
    wake = Wake()
    concurrency.esm_wake = wake

    modules = {name: _module(name, names) for name, names in NEEDED.items()}
    sqs, kinesis, lambda_runtime, iam_actions, ses, ses_v2, app, dynamodb, _ = modules.values()
    streams.repair(kinesis)
    permissions.repair(iam_actions)
    mail_permissions.repair(app, ses, ses_v2)
    long_polls.wake_receives(sqs, wake)
    long_polls.wake_get_records(kinesis, wake)
    lambda_workers.tie_workers(lambda_runtime)
    lambda_workers.shorten_log_wait(lambda_runtime)

    journal = Journal(folder / "journal", folder / "state")
    journal.watch_tables(dynamodb)

    return Loaded(gateway(cast(Application, app.app), account, control, journal), wake)


def _module(name: str, names: tuple[str, ...]) -> ModuleType:
    module = importlib.import_module(name)
    missing = [attribute for attribute in names if not hasattr(module, attribute)]
    if missing:
        version = importlib.metadata.version("ministack")
        raise EmulatorError(
            f"ministack {version} has no {', '.join(missing)} in {name}; the twin was tested with "
            f"ministack {', '.join(TESTED_VERSIONS)}. Install that version."
        )
    return module


async def serve(loaded: Loaded, port: int) -> None:
    """Serve on 127.0.0.1 until SIGTERM or SIGINT, then end the Lambda workers.

    Raises:
        OSError: the port is taken.
    """
    from hypercorn.asyncio import serve as serve_asgi
    from hypercorn.config import Config
    from ministack.core import lambda_runtime

    config = Config()
    config.bind = [f"127.0.0.1:{port}"]
    config.keep_alive_timeout = 600
    config.graceful_timeout = STOP_GRACE_S
    config.loglevel = "WARNING"

    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)

    async def wait_until_stopped() -> None:
        await stopped.wait()
        loaded.wake.close()
        # A handler that goes on and on would hold up the end, and with it the saving of the state.
        loop.call_later(LAMBDA_GRACE_S, loop.run_in_executor, None, lambda_runtime.reset)
        # hypercorn cancels the connections that are still open, which asyncio reports as errors.
        logging.getLogger("asyncio").setLevel(logging.CRITICAL)

    try:
        await serve_asgi(cast(Any, loaded.application), config, shutdown_trigger=wait_until_stopped)
    finally:
        lambda_runtime.reset()

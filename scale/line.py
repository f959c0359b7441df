"""The way of an event as a line of queues: on AWS as the facts have it, and on the twin as it was measured."""

from __future__ import annotations

from infra.config import Config
from scale.facts import Facts
from scale.simulation import Stage, observed, varied
from scale.twin_run import Step as TwinStep

# DMS hands over what it gathered, or so many.
_CAPTURED_AT_ONCE = 1_000
# Orders that the twin's hops take at once, and how many of a hop are under way: as its processes are written.
_TWIN = {"log": (1, 1_000), "stream": (1, 500), "pipe": (1, 1_000), "topic": (1, 10), "queue": (10, 10),
         "projected": (10, 10)}  # fmt: skip

CAPTURE, PIPE, PROJECTOR = "DMS", "pipe", "projector"


def on_aws(config: Config, facts: Facts | None = None) -> list[Stage]:
    """Stages from the commit to the read model.

    A stage's servers share one queue; on AWS each shard has its own, so that uneven shards wait longer than this says.
    """
    f = facts or Facts()
    each_s = f.rows_per_order.value / f.capture_rows.value
    return [
        Stage(
            CAPTURE,
            servers=1,
            batch=_CAPTURED_AT_ONCE,
            window_s=f.capture_ms.value / 1e3,
            service=varied(0.0, each_s, variation=0.2),
            delay_s=f.pipe_read_ms.value / 1e3,
        ),
        Stage(
            PIPE,
            servers=config.stream_shards * config.pipe_parallelization,
            batch=config.pipe_batch_size,
            service=varied(f.publish_ms.value / 1e3),
            delay_s=f.deliver_ms.value / 1e3,
        ),
        Stage(
            PROJECTOR,
            servers=config.consumer_concurrency,
            batch=config.consumer_batch_size,
            window_s=config.consumer_window_seconds,
            service=varied(f.invoke_ms.value / 1e3, f.project_us.value / 1e6),
        ),
    ]


def on_the_twin(quiet: TwinStep) -> list[Stage]:
    """Stages whose servers take as long as the hops did when the twin had little to do."""
    return [
        Stage(
            hop,
            servers=servers,
            batch=batch,
            service=observed([value / 1e3 for value in quiet.hops_ms[hop]]),
            # All but the log's reader wait for the emulator, which is one process with one loop.
            shared=hop != "log",
        )
        for hop, (servers, batch) in _TWIN.items()
    ]

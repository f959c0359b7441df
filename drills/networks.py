"""Drills: the network between two parts is cut, stands still, or is slow."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager

from drills.detour import in_functions, to_aws, to_source
from drills.errors import DrillError
from drills.registry import drill
from drills.scene import Scene
from functions.common.read_model import HEARTBEAT_KEY
from twin.ports import LOOPBACK
from twin.proxy import Proxy

OUTLIVES = "a network that fails delays, and loses nothing"
FAULT_S = 4.0
SLOW_S = 0.15
WRITERS = ["place_order"]
READERS = ["project_clients", "get_client", "list_orders"]

HEARTBEAT = "schedule-orders-local-heartbeat"

Detour = Callable[[Scene], AbstractContextManager[Proxy]]


def failures(proxy: Proxy) -> list[tuple[str, Callable[[], None]]]:
    """What may happen to a network, by name."""
    return [("cut", proxy.cut), ("standstill", proxy.stall), ("slow", lambda: proxy.slow(SLOW_S))]


def require_use(proxy: Proxy) -> None:
    """Raise DrillError where nobody came by the proxy: then nothing was shown."""
    if not proxy.met:
        raise DrillError("nobody took the way on which the faults were")


@contextmanager
def _between_capture_and_database(scene: Scene) -> Iterator[Proxy]:
    with Proxy(int(scene.outputs["database_port"])) as proxy, to_source(scene, proxy.port):
        yield proxy


@contextmanager
def _between_functions_and_database(scene: Scene) -> Iterator[Proxy]:
    with (
        Proxy(int(scene.outputs["database_port"])) as proxy,
        in_functions(scene, WRITERS, {"DATABASE_PORT": str(proxy.port)}),
    ):
        yield proxy


@contextmanager
def _between_functions_and_cache(scene: Scene) -> Iterator[Proxy]:
    with (
        Proxy(int(scene.outputs["cache_port"])) as proxy,
        in_functions(scene, READERS, {"CACHE_PORT": str(proxy.port)}),
    ):
        yield proxy


@contextmanager
def _between_mailer_and_aws(scene: Scene) -> Iterator[Proxy]:
    with Proxy(scene.twin.emulator.port) as proxy:
        url = f"http://{LOOPBACK}:{proxy.port}"
        variables = {"AWS_ENDPOINT_URL_SESV2": url, "AWS_ENDPOINT_URL_DYNAMODB": url}
        with in_functions(scene, ["notify_client"], variables):
            yield proxy


def _between_aws_and(prefix: str) -> Detour:
    @contextmanager
    def detour(scene: Scene) -> Iterator[Proxy]:
        with Proxy(scene.twin.emulator.port) as proxy, to_aws(scene, prefix, proxy.port):
            yield proxy

    return detour


PAIRS: dict[str, Detour] = {
    "capture-database": _between_capture_and_database,
    "functions-database": _between_functions_and_database,
    "functions-cache": _between_functions_and_cache,
    "capture-kinesis": _between_aws_and("capture"),
    "pipe-aws": _between_aws_and("pipe-"),
    "projector-queue": _between_aws_and("event-source-orders-local-project"),
    "mailer-queue": _between_aws_and("event-source-orders-local-notify"),
    "mailer-aws": _between_mailer_and_aws,
}
# A call of the mailer whose answer is lost is made again, maybe while the first one is still under way.
SENDERS = frozenset({"mailer-queue", "mailer-aws"})


def _fail(pair: str) -> Callable[[Scene], None]:
    def run(scene: Scene) -> None:
        scene.mail_repeats = pair in SENDERS
        with PAIRS[pair](scene) as proxy, scene.load() as load:
            scene.orders(load, 10)
            for name, fail in failures(proxy):
                with scene.fault(f"{pair} {name}"):
                    fail()
                    time.sleep(FAULT_S)
                    proxy.heal()
            require_use(proxy)

    return run


for _pair in PAIRS:
    drill(f"network-{_pair}", OUTLIVES)(_fail(_pair))


@drill("network-callers", "an order whose answer is lost is settled by its key: once, or not at all")
def callers(scene: Scene) -> None:
    """The way between callers and API is cut again and again, in the middle of answers."""
    with ExitStack() as stack:
        proxy = stack.enter_context(Proxy(scene.twin.emulator.port))
        load = stack.enter_context(scene.load(port=proxy.port))
        for _ in range(15):
            scene.answers(load, 5)
            with scene.fault("callers cut off"):
                proxy.cut()
                proxy.heal()


@drill("network-scheduler-lambda", "a schedule whose function cannot be reached goes on afterwards, with what was due")
def scheduler(scene: Scene) -> None:
    """The way between the schedule of the heartbeat and Lambda is cut while a beat is due."""
    with Proxy(scene.twin.emulator.port) as proxy, to_aws(scene, HEARTBEAT, proxy.port), scene.load() as load:
        scene.orders(load, 2)
        with scene.fault("heartbeat's schedule cut off"):
            proxy.cut()
            scene.until(lambda: proxy.met, "a beat that is due")
            with scene.stores.cache() as cache:
                before = cache.hget(HEARTBEAT_KEY, "beat")
            proxy.heal()
            with scene.stores.cache() as cache:
                scene.until(lambda: cache.hget(HEARTBEAT_KEY, "beat") != before, "the beat that was due", timeout_s=30)

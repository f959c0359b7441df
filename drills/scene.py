"""What a drill works on: the running twin, callers, faults and their recovery, and the check at the end."""

from __future__ import annotations

import http.client
import random
import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import httpx
import psutil

from drills.caller import CREATED, Caller
from drills.errors import DrillError, NotRecovered
from drills.invariants import broken
from drills.ledger import Answer, Ledger, Outcome
from drills.load import Load, random_order, settle
from drills.operator import redriven
from drills.rest import UNREADY, rest
from drills.result import Result
from drills.stores import Stores
from ops.aws import Aws
from ops.stack import of_twin
from twin.process import Process
from twin.system import Twin

# What a small and busy machine takes while it starts functions anew; more would only measure the machine.
RATE = 2.0
CALLERS = 4
CLIENTS = 6
POLL_S = 0.05
PROBE_PAUSE_S = 0.05
RECOVERY_S = 180.0


class Scene:
    """One drill on a running twin, with clients of its own.

    Args:
        twin: up.
        outputs: the stack's.
        seed: of everything that the drill leaves to chance.
        rate: orders a second of its load.
        clients: how many order.
    """

    def __init__(
        self, twin: Twin, outputs: dict[str, Any], *, seed: int, rate: float = RATE, clients: int = CLIENTS
    ) -> None:
        self.twin = twin
        self.outputs = outputs
        self.rng = random.Random(seed)  # noqa: S311 - faults and orders, no secrets
        self.ledger = Ledger()
        self.stores = Stores(outputs, twin.emulator, twin.folder.data)
        self.result = Result()
        self.rate = rate
        # A second mail about an order is no finding: set by drills that cut the sender off in mid-send.
        self.mail_repeats = False
        # Sound messages may use up their receives and become dead letters: set by drills whose faults last that long.
        # They are redriven before the check, as an operator does.
        self.redrives = False
        self._marker = secrets.token_hex(4)
        self._caller = Caller(outputs)
        self._empty_dead_letters()
        self.clients = [self._register(number) for number in range(clients)]
        self._probe = self._register(clients)
        self._loads = 0
        self._probes = 0

    def _register(self, number: int) -> int:
        address = f"drill-{self._marker}-{number}@orders.example"
        body = {"name": f"Drill {self._marker} {number}", "email": address}
        key = f"{self._marker}-client-{number}"
        status, document = self._caller.call("POST", "/clients", body, {"Idempotency-Key": key})
        if status != CREATED:
            raise DrillError(f"POST /clients answered {status} {document}")
        id_client = int(document["id_client"])
        self.ledger.add_client(id_client, address)
        return id_client

    def load(self, rate: float | None = None, *, port: int | None = None) -> Load:
        """Callers that place orders for the drill's clients, to be used as a context."""
        self._loads += 1
        name = f"{self._marker}-{self._loads}"
        seed = self.rng.randrange(2**32)
        return Load(
            self.outputs, self.ledger, self.clients, rate=rate or self.rate, callers=CALLERS, seed=seed, port=port,
            name=name,
        )  # fmt: skip

    # Processes

    def process(self, prefix: str) -> Process:
        """The one process of the twin whose name begins so."""
        (found,) = [process for name, process in self.twin.supervisor.processes.items() if name.startswith(prefix)]
        return found

    def kill(self, *prefixes: str) -> None:
        """Kill processes at once (SIGKILL); returns before the supervisor starts them again."""
        for process in [self.process(prefix) for prefix in prefixes]:
            process.kill()

    def workers(self) -> list[psutil.Process]:
        """The processes that functions run in at this moment."""
        pid = self.process("emulator").pid
        return [] if pid is None else psutil.Process(pid).children(recursive=True)

    # Waiting

    def until(self, condition: Callable[[], object], what: str, timeout_s: float = 180.0) -> None:
        """Return as soon as the condition holds; errors of what is down count as no.

        Raises:
            NotRecovered: it did not within `timeout_s` seconds.
        """
        deadline = time.monotonic() + timeout_s
        reason = ""
        while True:
            try:
                if condition():
                    return
            except UNREADY as error:
                reason = f": {error}"
            if time.monotonic() > deadline:
                raise NotRecovered(f"{what}: not within {timeout_s:.0f} s{reason}")
            time.sleep(POLL_S)

    def orders(self, load: Load, count: int) -> None:
        """Wait until the load has that many more orders accepted."""
        goal = load.accepted + count
        self.until(lambda: load.accepted >= goal, f"{count} more orders accepted")

    def answers(self, load: Load, count: int) -> None:
        """Wait until the load has that many more answers, whatever they are."""
        goal = load.answered + count
        self.until(lambda: load.answered >= goal, f"{count} more orders answered")

    # Faults

    @contextmanager
    def fault(self, name: str) -> Iterator[None]:
        """Do something to the system; then measure how long until an order placed after it can be read.

        Raises:
            NotRecovered: it cannot after three minutes.
        """
        yield
        begun = time.monotonic()
        self.probe()
        self.result.recoveries.append((name, time.monotonic() - begun))

    def probe(self) -> None:
        """Place an order, again and again until it is accepted, and wait until it can be read over HTTP."""
        self._probes += 1
        order = random_order(f"{self._marker}-probe-{self._probes}", [self._probe], self.rng)
        self.ledger.send(order)
        caller, deadline = Caller(self.outputs), time.monotonic() + RECOVERY_S
        try:
            while (answer := caller.place(order)).outcome is not Outcome.ACCEPTED:
                self.ledger.note(order.key, answer)
                self._late(deadline, f"an order is not accepted: {answer.reason}")
            self.ledger.note(order.key, answer)
            while not self._readable(caller, answer):
                self._late(deadline, f"order {answer.id_order} is not readable")
        finally:
            caller.close()

    @staticmethod
    def _late(deadline: float, what: str) -> None:
        if time.monotonic() > deadline:
            raise NotRecovered(f"{what} after {RECOVERY_S:.0f} s")
        time.sleep(PROBE_PAUSE_S)

    def _readable(self, caller: Caller, answer: Answer) -> bool:
        try:
            status, document = caller.call("GET", f"/clients/{self._probe}?min_version={answer.version}")
        except (OSError, http.client.HTTPException, ValueError):
            return False
        return status == httpx.codes.OK and document["version"] >= (answer.version or 0)

    @contextmanager
    def hidden(self, consumer: str, seconds: int) -> Iterator[None]:
        """Have messages of a consumer come back after so many seconds; at the end after as many as before.

        That is saved: a later kill of the emulator would else bring back what was saved meanwhile.
        """
        sqs, url = self.twin.emulator.client("sqs"), self.outputs[f"{consumer}_queue_url"]
        usual = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["VisibilityTimeout"])["Attributes"]
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": str(seconds)})
        try:
            yield
        finally:
            sqs.set_queue_attributes(QueueUrl=url, Attributes=usual)
            self.twin.emulator.save()

    def poison(self, consumer: str, bodies: Sequence[str]) -> None:
        """Put messages into a consumer's queue that it cannot take."""
        sqs, url = self.twin.emulator.client("sqs"), self.outputs[f"{consumer}_queue_url"]
        for body in bodies:
            self.ledger.add_poison(consumer, body)
            sqs.send_message(QueueUrl=url, MessageBody=body)

    def operator(self) -> Aws:
        """The AWS of the twin as an operator's commands see it."""
        return Aws(of_twin(self.twin.folder.outputs_file))

    # The end

    def finish(self) -> None:
        """Settle what is unknown, wait for rest, and check every invariant; then empty the dead letters.

        Raises:
            InvariantBroken: some are broken, and it has not changed for a minute.
            NotRecovered: an order stays unknown.
        """
        begun = time.monotonic()
        self.result.settled = settle(self.ledger, self.outputs, RECOVERY_S)
        if self.redrives:
            rest(self._backlog)
            self._redrive()
        rest(self.findings)
        self.result.rest_s = time.monotonic() - begun
        self.result.accepted = self.ledger.accepted
        self.result.refused = self.ledger.count(Outcome.REFUSED)
        self._caller.close()
        self._empty_dead_letters()

    def _redrive(self) -> None:
        for consumer, url in self.stores.queues("_dead_letter_url").items():
            if letters := self.stores.depth(url):
                redrive = partial(redriven, self.twin.folder.outputs_file, consumer)
                self.until(redrive, f"the dead letters of {consumer} are taken")
                self.result.notes.append(f"{letters} dead letters of {consumer} redriven")

    def _empty_dead_letters(self) -> None:
        sqs = self.twin.emulator.client("sqs")
        for url in self.stores.dead_letter_queues.values():
            sqs.purge_queue(QueueUrl=url)

    def findings(self) -> list[str]:
        """What is not as it should be at this moment."""
        clients = self.ledger.clients
        # Cheap to ask, and enough to know that the rest would only cost time.
        behind = self.stores.behind(list(clients))
        if behind:
            return [f"{behind} clients have another version in the read model than in the write model"]
        if backlog := self._backlog():
            return backlog
        evidence = self.stores.collect(clients)
        self.result.repeated_mails = len(evidence.mails) - len(set(evidence.mails))
        self.result.retained = evidence.slot.retained
        return broken(self.ledger, evidence, mail_repeats=self.mail_repeats)

    def _backlog(self) -> list[str]:
        waiting = {name: count for name, count in self.stores.waiting().items() if count}
        return [f"messages wait in {waiting}"] if waiting else []

"""Pulumi's engine, played by the twin's cloud."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pulumi.runtime import MockCallArgs, MockResourceArgs, Mocks, rpc
from pulumi.runtime.mocks import MockMonitor

from twin.cloud import Cloud
from twin.cloud.assets import real
from twin.cloud.registry import secret_outputs
from twin.cloud.settings import ProviderSettings
from twin.errors import TwinError

OnResource = Callable[[str, str, float], None]


class StoppedError(Exception):
    """Another resource failed, or the user stopped the run: nothing more is made."""


class Monitor(MockMonitor):
    """Tells the mocks which resource a call is about: they are given neither parent nor URN."""

    mocks: CloudMocks

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802 - the name of the call
        """Take a resource that the program declares."""
        self._begin(request, list(request.ignoreChanges))
        return super().RegisterResource(request)  # type: ignore[no-untyped-call]

    def ReadResource(self, request: Any) -> Any:  # noqa: N802 - the name of the call
        """Take a resource that the program looks up (`Queue.get`)."""
        self._begin(request, [])
        self.mocks.about.reading = True
        return super().ReadResource(request)  # type: ignore[no-untyped-call]

    def _begin(self, request: Any, ignored: list[str]) -> None:
        urn = self.make_urn(request.parent, request.type, request.name)
        # The engine leaves the stack's own type out of its children's URN.
        self.mocks.about.urn = urn.replace("::pulumi:pulumi:Stack$", "::")
        self.mocks.about.provider = request.provider.rpartition("::")[0].replace("::pulumi:pulumi:Stack$", "::")
        self.mocks.about.ignored = ignored
        self.mocks.about.reading = False


@dataclass
class CloudMocks(Mocks):
    """Pulumi's engine, played by the cloud. Called on several threads at a time."""

    cloud: Cloud
    on_resource: OnResource | None
    error: TwinError | None = None
    registered: set[tuple[str, str]] = field(default_factory=set)
    about: Any = field(default_factory=threading.local)
    providers: dict[str, ProviderSettings] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _stopped: threading.Event = field(default_factory=threading.Event)

    def stop(self) -> None:
        """Make nothing more."""
        self._stopped.set()

    def new_resource(self, args: MockResourceArgs) -> tuple[str | None, dict[Any, Any]]:
        """Make a resource; components and providers are taken as they are."""
        if self._stopped.is_set():
            raise StoppedError
        urn = self.about.urn
        try:
            return self._make(args, urn)
        except TwinError as error:
            self._fail(error, urn)
            raise
        except Exception as error:
            self._fail(TwinError(f"{args.typ} {args.name!r}: {type(error).__name__}: {error}"), urn)
            raise

    def _make(self, args: MockResourceArgs, urn: str) -> tuple[str | None, dict[Any, Any]]:
        inputs, secret = _open(args.inputs)
        if self.about.reading:
            return self._look_up(args)
        if args.typ.startswith("pulumi:providers:"):
            self.providers[urn] = settings = ProviderSettings.from_inputs(inputs)
            for problem in settings.problems(self.cloud.context.region, self.cloud.context.account):
                raise TwinError(f"{args.typ} {args.name!r}: {problem.text}")
        if not args.custom or args.typ.startswith("pulumi:providers:"):
            return f"{args.name}-id" if args.custom else "", args.inputs
        with self._lock:
            if (args.typ, urn) in self.registered:
                raise TwinError(f"{args.typ} {args.name!r} is declared twice: give one of them another name.")
            self.registered.add((args.typ, urn))
        started = time.monotonic()
        settings = self.providers.get(self.about.provider, ProviderSettings())
        made = self.cloud.create(args.typ, args.name, self._kept(args.typ, urn, inputs), urn=urn, settings=settings)
        if self.on_resource is not None:
            self.on_resource(args.typ, args.name, time.monotonic() - started)
        return made.id, _close(real(made.outputs), secret | secret_outputs(args.typ))

    def _look_up(self, args: MockResourceArgs) -> tuple[str | None, dict[Any, Any]]:
        found = self.cloud.state.by_id(args.typ, str(args.resource_id))
        if found is None:
            raise TwinError(
                f"{args.typ} {args.name!r} cannot be looked up: the twin has made none of id {args.resource_id!r}."
            )
        return found.id, real(found.outputs)

    def _kept(self, typ: str, urn: str, inputs: dict[str, Any]) -> dict[str, Any]:
        """Leave properties in `ignore_changes` as they were."""
        old = self.cloud.state.by_key(typ, urn)
        ignored = [prop for prop in self.about.ignored if old is not None and prop in old.inputs]
        return {**inputs, **{prop: old.inputs[prop] for prop in ignored if old is not None}}

    def _fail(self, error: TwinError, urn: str) -> None:
        with self._lock:
            if self.error is None:
                self.error = type(error)(f"{error}\n  in {urn}")
        self._stopped.set()

    def call(self, args: MockCallArgs) -> tuple[dict[Any, Any], list[tuple[str, str]] | None]:
        """Answer a function call of the program."""
        inputs, _ = _open(args.args)
        try:
            return self.cloud.call(args.token, inputs), []
        except TwinError as error:
            self._fail(error, args.token)
            raise


def _open(inputs: Mapping[str, Any]) -> tuple[dict[str, Any], frozenset[str]]:
    """Take the wrapping off secret values; give the names of the properties that had one."""
    secret = frozenset(prop for prop, value in inputs.items() if rpc.is_rpc_secret(value))
    return {prop: _clear(value) for prop, value in inputs.items()}, secret


def _clear(value: Any) -> Any:
    if rpc.is_rpc_secret(value):
        return _clear(value["value"])
    if isinstance(value, dict):
        return {key: _clear(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_clear(item) for item in value]
    return value


def _close(outputs: Mapping[str, Any], secret: frozenset[str]) -> dict[str, Any]:
    """Wrap outputs that are secret, so that the program cannot show them by accident."""
    return {
        prop: {rpc._special_sig_key: rpc._special_secret_sig, "value": value}
        if prop in secret and value is not None
        else value
        for prop, value in outputs.items()
    }

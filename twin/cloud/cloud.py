"""The twin's cloud: resources made on this machine from type, name and inputs."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from twin.cloud.assets import plain
from twin.cloud.checks import Checked, checked
from twin.cloud.context import AwsEndpoint, Context
from twin.cloud.difference import Difference, difference, same_identity
from twin.cloud.errors import LostError
from twin.cloud.invokes import invoke
from twin.cloud.kind import Made, Request, Resource
from twin.cloud.making import Maker, worded
from twin.cloud.names import Naming
from twin.cloud.registry import kind_of
from twin.cloud.settings import ProviderSettings
from twin.cloud.state import State
from twin.supervisor import Supervisor

STATE_FILE = "cloud.json"
NO_SETTINGS = ProviderSettings()


class Cloud:
    """Makes, changes and removes resources. Safe for threads.

    Inputs are in camelCase; assets in them are Pulumi's objects or their descriptions (`twin.cloud.assets`).
    Outputs hold descriptions.

    Args:
        folder: the twin's folder; the state is in `cloud.json` there.
        supervisor: keeps the processes alive that stand behind resources.
        region: AWS region of everything.
        account: AWS account id, 12 digits.
        emulator: the local AWS services.
        project: Pulumi project; with `stack`, automatic names follow from it.
        stack: Pulumi stack.
        enforce_iam: the emulator enforces policies, and processes work with their role's rights only.
        on_line: called with the name of a process and each line of its standard output.
    """

    def __init__(
        self,
        folder: Path,
        supervisor: Supervisor,
        *,
        region: str,
        account: str,
        emulator: AwsEndpoint,
        project: str = "orders",
        stack: str = "local",
        enforce_iam: bool = False,
        on_line: Callable[[str, str], None] | None = None,
    ) -> None:
        self.state = State(folder / STATE_FILE)
        self._at = Context(
            folder=folder.resolve(),
            supervisor=supervisor,
            emulator=emulator,
            state=self.state,
            region=region,
            account=account,
            stack=f"{project}/{stack}",
            enforce_iam=enforce_iam,
            on_line=on_line,
        )
        self._maker = Maker(self._at)
        self._locks: dict[tuple[str, str], threading.Lock] = {}
        self._locks_guard = threading.Lock()

    @property
    def context(self) -> Context:
        """The surroundings that resources are made in, for those who look at what became of them."""
        return self._at

    def settle(self, region: str, account: str) -> None:
        """Choose region and account; to be done before anything of AWS is made."""
        self._at.region, self._at.account = region, account

    def check(
        self,
        type_token: str,
        name: str,
        inputs: Mapping[str, Any],
        *,
        seed: str,
        settings: ProviderSettings = NO_SETTINGS,
        naming: Naming | None = None,
    ) -> Checked:
        """Fill in what the provider fills in, and find what AWS would refuse. Values may be `UNKNOWN`.

        Raises:
            UnsupportedTypeError: the twin does not know the type, or cannot do what is asked of it.
        """
        request = Request(type_token, name, plain(inputs), seed)
        return checked(kind_of(type_token), request, region=self._at.region, settings=settings, naming=naming)

    def difference(self, type_token: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Difference:
        """Tell what a change of inputs (checked ones) changes, and whether it takes a new resource.

        Raises:
            UnsupportedTypeError: the twin does not know the type.
        """
        return difference(kind_of(type_token), plain(old), plain(new))

    def create(
        self,
        type_token: str,
        name: str,
        inputs: Mapping[str, Any],
        *,
        urn: str | None = None,
        settings: ProviderSettings = NO_SETTINGS,
    ) -> Made:
        """Make a resource, or bring the one that was made under this type and name to these inputs.

        Args:
            type_token: such as `aws:sns/topic:Topic`.
            name: the resource's name in the program.
            inputs: resolved.
            urn: tells resources of the same type and name (below different parents) apart.
            settings: of the provider that makes it.

        Raises:
            CloudError: AWS would refuse the inputs, the twin does not know the type, or it failed.
        """
        kind, key = kind_of(type_token), urn or name
        with worded(type_token, name), self._one_at_a_time(type_token, key):
            old = self.state.by_key(type_token, key)
            seed = old.seed if old is not None else f"{self._at.stack}:{type_token}:{key}"
            request = self._maker.request(name, inputs, seed, settings, kind, old)
            if old is not None:
                there = kind.exists(self._at, old)
                if there or kind.revives:
                    return self._maker.converge(kind, old, request, there=there)
                self.state.drop(old)
            return self._maker.make(kind, request, key)

    def make(
        self,
        type_token: str,
        name: str,
        inputs: Mapping[str, Any],
        *,
        urn: str,
        settings: ProviderSettings = NO_SETTINGS,
    ) -> Made:
        """Make a new resource, beside the one of the same URN that it takes the place of, if there is one.

        Raises:
            CloudError: as `create`; `IncompleteError` if there is a resource all the same.
        """
        kind = kind_of(type_token)
        with worded(type_token, name), self._one_at_a_time(type_token, urn):
            seed = f"{self._at.stack}:{type_token}:{urn}:{secrets.token_hex(8)}"
            return self._maker.make(kind, self._maker.request(name, inputs, seed, settings, kind), urn)

    def update(
        self,
        type_token: str,
        id_: str,
        new_inputs: Mapping[str, Any],
        outputs: Mapping[str, Any],
        *,
        urn: str | None = None,
        settings: ProviderSettings = NO_SETTINGS,
    ) -> Made:
        """Change a resource in place where AWS can, else replace it (its id then differs).

        Raises:
            CloudError: as `create`; `LostError` if the twin has no such resource.
        """
        kind = kind_of(type_token)
        old = self.find(type_token, id_, urn=urn, outputs=outputs)
        if old is None:
            raise LostError(
                f"{type_token}: the twin has no {id_!r} any more. `pulumi refresh` takes it out of the stack's state, "
                "and the next `pulumi up` makes it anew."
            )
        with worded(type_token, old.name), self._one_at_a_time(type_token, old.key):
            request = self._maker.request(old.name, new_inputs, old.seed, settings, kind, old)
            return self._maker.converge(kind, old, request, there=kind.exists(self._at, old), key=urn)

    def delete(self, type_token: str, id_: str, outputs: Mapping[str, Any], *, urn: str | None = None) -> None:
        """Remove a resource; does nothing for one that is gone.

        Raises:
            CloudError: it cannot be removed (deletion protection, or a local service failed).
        """
        resource = self.find(type_token, id_, urn=urn, outputs=outputs)
        if resource is None:
            return
        with worded(type_token, resource.name), self._one_at_a_time(type_token, resource.key):
            kind_of(type_token).delete(self._at, resource)
            self.state.drop(resource)

    def exists(self, type_token: str, id_: str, *, urn: str | None = None) -> bool:
        """Tell whether a resource that was made is still there."""
        resource = self.find(type_token, id_, urn=urn)
        return resource is not None and kind_of(type_token).exists(self._at, resource)

    def read(
        self, type_token: str, id_: str, *, urn: str | None = None, outputs: Mapping[str, Any] | None = None
    ) -> Resource | None:
        """Give a resource as it is now; None if it is gone, which is then noted.

        Raises:
            CloudError: a local service failed.
        """
        resource = self.find(type_token, id_, urn=urn, outputs=outputs)
        if resource is None:
            return None
        with worded(type_token, resource.name), self._one_at_a_time(type_token, resource.key):
            return self._maker.look(resource)

    def find(
        self, type_token: str, id_: str, *, urn: str | None = None, outputs: Mapping[str, Any] | None = None
    ) -> Resource | None:
        """Look a resource up by its id; its URN and what it was reported to be tell it from others of the same id."""
        found = self.state.find(type_token, lambda one: one.id == id_)
        same = [one for one in found if urn in (None, one.key)] or found
        if len(same) > 1 and outputs:
            same = [one for one in same if same_identity(kind_of(type_token), one.inputs, outputs)] or same
        return same[-1] if same else None

    def call(self, token: str, args: Mapping[str, Any]) -> dict[str, Any]:
        """Answer a function call of the program, such as `aws:index/getRegion:getRegion`.

        Raises:
            UnsupportedTypeError: the twin does not know the function.
        """
        with worded(token, ""):
            return invoke(self._at, token, plain(args))

    def prune(self, kept: set[tuple[str, str]]) -> list[Resource]:
        """Remove what is not in `kept` (type and key), the last made first, and give what was removed."""
        removed = [one for one in reversed(self.state.all()) if (one.typ, one.key) not in kept]
        for resource in removed:
            self.delete(resource.typ, resource.id, resource.outputs, urn=resource.key)
        return removed

    def forget_gone(self) -> None:
        """Drop the record of what is no longer there, though nobody deleted it.

        Raises:
            CloudError: a local service failed.
        """
        with worded("Looking for what is gone", ""):
            self._maker.forget_gone()

    def resume(self) -> list[str]:
        """Bring up again what was running when the twin stopped, and give what was lost, each as a sentence."""
        return self._maker.resume()

    def close(self) -> None:
        """Stop renewing sessions; processes belong to the supervisor."""
        self._at.sessions.close()

    @contextmanager
    def _one_at_a_time(self, token: str, key: str) -> Iterator[None]:
        with self._locks_guard:
            lock = self._locks.setdefault((token, key), threading.Lock())
        with lock:
            yield

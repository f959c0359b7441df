"""The twin's cloud: resources made on this machine from type, name and inputs."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from twin.cloud.assets import plain, real
from twin.cloud.context import AwsEndpoint, Context
from twin.cloud.errors import CloudError, ResourceError, UnsupportedTypeError
from twin.cloud.invokes import invoke
from twin.cloud.kind import Kind, Made, Request, Resource
from twin.cloud.names import with_name
from twin.cloud.registry import kind_of
from twin.cloud.shape import check
from twin.cloud.state import State
from twin.errors import TwinError
from twin.supervisor import Supervisor

STATE_FILE = "cloud.json"


class Cloud:
    """Makes, changes and removes resources. Safe for threads, and safe to repeat: what exists is kept or changed.

    Args:
        folder: the twin's folder; the state is in `cloud.json` there.
        supervisor: keeps the processes alive that stand behind resources.
        region: AWS region of everything.
        account: AWS account id, 12 digits.
        emulator: the local AWS services, started.
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
        self._locks: dict[tuple[str, str], threading.Lock] = {}
        self._locks_guard = threading.Lock()

    def create(self, type_token: str, name: str, inputs: Mapping[str, Any], *, urn: str | None = None) -> Made:
        """Make a resource, or bring the one that was made under this type and name to these inputs.

        Args:
            type_token: such as `aws:sns/topic:Topic`.
            name: the resource's name in the program.
            inputs: resolved, in camelCase; assets as Pulumi's asset objects.
            urn: tells resources of the same type and name (below different parents) apart.

        Raises:
            CloudError: AWS would refuse the inputs, the twin does not know the type, or it failed.
        """
        kind, key = kind_of(type_token), urn or name
        with self._errors(type_token, name), self._one_at_a_time(type_token, key):
            request = self._request(kind, name, key, inputs)
            old = self.state.by_key(type_token, key)
            if old is not None:
                there = kind.exists(self._at, old)
                if there or kind.revives:
                    return self._converge(kind, old, request, there=there)
                self.state.drop(old)
            return self._keep(kind, request, key, kind.create(self._at, request))

    def update(
        self,
        type_token: str,
        id_: str,
        old_inputs: Mapping[str, Any],
        new_inputs: Mapping[str, Any],
        outputs: Mapping[str, Any],
        *,
        urn: str | None = None,
    ) -> Made:
        """Change a resource in place where AWS can, else replace it (its id then differs).

        Raises:
            CloudError: as `create`.
        """
        kind = kind_of(type_token)
        old = self._recorded(type_token, id_, old_inputs, outputs, urn)
        with self._errors(type_token, old.name), self._one_at_a_time(type_token, old.key):
            return self._converge(kind, old, self._request(kind, old.name, old.key, new_inputs, old))

    def delete(self, type_token: str, id_: str, outputs: Mapping[str, Any], *, urn: str | None = None) -> None:
        """Remove a resource; does nothing for one that is gone.

        Raises:
            CloudError: it cannot be removed (deletion protection, or a local service failed).
        """
        resource = self.state.by_id(type_token, id_, urn)
        if resource is None:
            return
        with self._errors(type_token, resource.name), self._one_at_a_time(type_token, resource.key):
            kind_of(type_token).delete(self._at, resource)
            self.state.drop(resource)

    def exists(self, type_token: str, id_: str, *, urn: str | None = None) -> bool:
        """Tell whether a resource that was made is still there."""
        resource = self.state.by_id(type_token, id_, urn)
        return resource is not None and kind_of(type_token).exists(self._at, resource)

    def call(self, token: str, args: Mapping[str, Any]) -> dict[str, Any]:
        """Answer a function call of the program, such as `aws:index/getRegion:getRegion`.

        Raises:
            UnsupportedTypeError: the twin does not know the function.
        """
        with self._errors(token, ""):
            return invoke(self._at, token, plain(args))

    def prune(self, kept: set[tuple[str, str]]) -> list[Resource]:
        """Remove what is not in `kept` (type and key), the last made first, and give what was removed."""
        removed = [one for one in reversed(self.state.all()) if (one.typ, one.key) not in kept]
        for resource in removed:
            self.delete(resource.typ, resource.id, resource.outputs, urn=resource.key)
        return removed

    def close(self) -> None:
        """Stop renewing sessions; processes belong to the supervisor."""
        self._at.sessions.close()

    def _request(
        self, kind: Kind, name: str, key: str, inputs: Mapping[str, Any], old: Resource | None = None
    ) -> Request:
        given = {prop: value for prop, value in plain(inputs).items() if value is not None and prop != "__defaults"}
        if old is not None and kind.named_by and kind.named_by not in given and kind.named_by in old.outputs:
            given[kind.named_by] = old.outputs[kind.named_by]
        request = with_name(kind, Request(kind.typ, name, given, f"{self._at.stack}:{kind.typ}:{key}"))
        check(request)
        return request

    def _converge(self, kind: Kind, old: Resource, request: Request, *, there: bool = True) -> Made:
        if there and request.inputs == old.inputs:
            return _shown(Made(old.id, old.outputs))
        changed = {prop for prop in {*old.inputs, *request.inputs} if old.inputs.get(prop) != request.inputs.get(prop)}
        if kind.update is not None and not changed & kind.replace_on:
            made = kind.update(self._at, old, request)
        else:
            kind.delete(self._at, old)
            self.state.drop(old)
            made = kind.create(self._at, request)
        if made.id != old.id:
            self.state.drop(old)
        return self._keep(kind, request, old.key, made)

    def _keep(self, kind: Kind, request: Request, key: str, made: Made) -> Made:
        resource = Resource(kind.typ, request.name, key, made.id, dict(request.inputs), made.outputs)
        self.state.put(resource)
        return _shown(made)

    def _recorded(
        self, token: str, id_: str, inputs: Mapping[str, Any], outputs: Mapping[str, Any], urn: str | None
    ) -> Resource:
        found = self.state.by_id(token, id_, urn)
        if found is not None:
            return found
        # The state is gone but the caller (the Pulumi engine) still has its own.
        name = urn.rsplit("::", 1)[-1] if urn else id_
        return Resource(token, name, urn or name, id_, dict(plain(inputs)), dict(plain(outputs)))

    @contextmanager
    def _one_at_a_time(self, token: str, key: str) -> Iterator[None]:
        with self._locks_guard:
            lock = self._locks.setdefault((token, key), threading.Lock())
        with lock:
            yield

    @contextmanager
    def _errors(self, token: str, name: str) -> Iterator[None]:
        what = f"{token} {name!r}" if name else token
        try:
            yield
        except UnsupportedTypeError:
            raise
        except CloudError as error:
            if token in str(error):
                raise
            raise type(error)(f"{what}: {error}") from error
        except TwinError as error:
            raise ResourceError(f"{what}: {error}") from error
        except ClientError as error:
            answer = error.response.get("Error", {})
            raise ResourceError(
                f"{what}: {error.operation_name} was refused: {answer.get('Code')}: {answer.get('Message')}"
            ) from error
        except BotoCoreError as error:
            raise ResourceError(f"{what}: {error}") from error
        except KeyError as error:
            raise ResourceError(f"{what}: the property {error} is missing.") from error


def _shown(made: Made) -> Made:
    """Give a resource with real assets in its outputs, as the program expects them."""
    return Made(made.id, real(made.outputs))

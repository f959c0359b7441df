"""Makes resources, brings them to other inputs, and keeps the record of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from twin.cloud.assets import plain
from twin.cloud.attempt import attempt
from twin.cloud.checks import checked
from twin.cloud.context import Context
from twin.cloud.difference import difference, has_unknown, same_identity
from twin.cloud.errors import CloudError, IncompleteError, InputError, ResourceError, UnsupportedTypeError
from twin.cloud.kind import Kind, Made, Request, Resource
from twin.cloud.registry import kind_of
from twin.cloud.services import said
from twin.cloud.settings import ProviderSettings
from twin.cloud.tagging import retag
from twin.errors import TwinError


@dataclass(frozen=True)
class Maker:
    """What the cloud does with one checked request; who calls it holds the resource's lock.

    Args:
        at: the surroundings.
    """

    at: Context

    def request(
        self,
        name: str,
        inputs: Mapping[str, Any],
        seed: str,
        settings: ProviderSettings,
        kind: Kind,
        old: Resource | None = None,
    ) -> Request:
        """Complete and check what is asked for.

        Raises:
            InputError: AWS would refuse it, or a value is not known.
        """
        given = dict(plain(inputs))
        if has_unknown(given):
            raise InputError(f"{kind.typ} {name!r}: a value is not known yet.")
        if old is not None and kind.named_by and kind.named_by not in given and kind.named_by in old.outputs:
            given[kind.named_by] = old.outputs[kind.named_by]
        request = Request(kind.typ, name, given, seed)
        return checked(kind, request, region=self.at.region, settings=settings).or_refuse()

    def make(self, kind: Kind, request: Request, key: str) -> Made:
        """Make a resource and note it, an incomplete one with its reason.

        Raises:
            CloudError: it failed, or another resource has what AWS tells resources apart by.
        """
        attempt().require_wanted()
        for other in self.at.state.find(kind.typ, lambda one: one.key != key):
            if same_identity(kind, other.inputs, request.inputs):
                raise InputError(f"{kind.typ} {request.name!r}: it exists already: {other.key} made it.")
        try:
            return self._keep(request, key, kind.create(self.at, request))
        except IncompleteError as error:
            self._keep(request, key, error.made, str(error))
            raise

    def converge(
        self, kind: Kind, old: Resource, request: Request, *, there: bool = True, key: str | None = None
    ) -> Made:
        """Bring a resource to what is asked for now: nothing, a change, or a new one in its place.

        Args:
            kind: of the resource.
            old: as it is noted.
            request: what is asked for.
            there: whether it still exists; if not, it is brought up again.
            key: its key from now on.

        Raises:
            CloudError: it failed.
        """
        attempt().require_wanted()
        key = key or old.key
        found = difference(kind, old.inputs, request.inputs)
        if there and not found.changed and not old.reasons:
            made = Made(old.id, old.outputs)
        elif found.replaces or kind.update is None:
            kind.delete(self.at, old)
            self.at.state.drop(old)
            return self.make(kind, request, key)
        else:
            made = kind.update(self.at, old, request)
            retag(self.at, old, made)
        if made.id != old.id or key != old.key:
            self.at.state.drop(old)
        return self._keep(request, key, made)

    def look(self, resource: Resource) -> Resource | None:
        """Give a resource as it is now; None if it is gone, which is then noted."""
        kind = kind_of(resource.typ)
        if not kind.exists(self.at, resource):
            if not kind.revives:
                self.at.state.drop(resource)
            return None
        if kind.read is None:
            return resource
        now = kind.read(self.at, resource)
        # What somebody else changed is no longer what was asked for.
        asked = {prop: now.get(prop, value) for prop, value in resource.inputs.items()}
        found = replace(resource, inputs=asked, outputs=now)
        if found != resource:
            self.at.state.put(found)
        return found

    def forget_gone(self) -> None:
        """Drop the record of what went with something else: versions with their secret, which nobody deleted."""
        for resource in self.at.state.all():
            kind = kind_of(resource.typ)
            if not kind.revives and not kind.exists(self.at, resource):
                self.at.state.drop(resource)

    def resume(self) -> list[str]:
        """Bring up again what was running when the twin stopped, and give what was lost, each as a sentence."""
        waiting = self.at.state.all()
        while waiting:
            # What a process needs may come after it here: a replaced database stands where its successor was made.
            failed = [(resource, error) for resource in waiting if (error := self._revive(resource)) is not None]
            if len(failed) == len(waiting):
                return [str(error) for _, error in failed]
            waiting = [resource for resource, _ in failed]
        return []

    def _revive(self, resource: Resource) -> TwinError | None:
        try:
            with worded(resource.typ, resource.name):
                kind = kind_of(resource.typ)
                if kind.exists(self.at, resource):
                    return None
                if not kind.revives or kind.update is None:
                    raise ResourceError("it did not survive the stop.")
                request = Request(resource.typ, resource.name, resource.inputs, resource.seed)
                self._keep(request, resource.key, kind.update(self.at, resource, request))
        except TwinError as error:
            return error
        return None

    def _keep(self, request: Request, key: str, made: Made, *reasons: str) -> Made:
        kept = Resource(
            request.typ, request.name, key, made.id, dict(request.inputs), made.outputs, request.seed, list(reasons)
        )
        self.at.state.put(kept)
        return made


@contextmanager
def worded(token: str, name: str) -> Iterator[None]:
    """Turn what goes wrong with a resource into one of the cloud's errors that names it.

    Raises:
        CloudError: something went wrong.
    """
    what = f"{token} {name!r}" if name else token
    try:
        yield
    except IncompleteError as error:
        raise IncompleteError(f"{what}: {error}", error.made) from error
    except UnsupportedTypeError:
        raise
    except CloudError as error:
        if token in str(error):
            raise
        raise type(error)(f"{what}: {error}") from error
    except (TwinError, BotoCoreError) as error:
        raise ResourceError(f"{what}: {error}") from error
    except ClientError as error:
        raise ResourceError(f"{what}: {said(error)}") from error
    except KeyError as error:
        raise ResourceError(f"{what}: the property {error} is missing.") from error

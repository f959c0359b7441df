"""Pulumi's provider protocol on the twin's cloud: every method that the engine calls.

Source: "pulumirpc.ResourceProvider", protocol of Pulumi's engine.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from google.protobuf import empty_pb2
from pulumi.runtime.proto import provider_pb2 as pb

from twin.cloud.attempt import Attempt, attempting
from twin.cloud.invokes import SECRETS
from twin.cloud.preview import before, created, updated
from twin.cloud.registry import secret_outputs
from twin.plugin.answers import answering, difference_response, failures
from twin.plugin.checking import asked, checked
from twin.plugin.package import Package
from twin.plugin.properties import Properties, Steps, received, sent

if TYPE_CHECKING:
    from collections.abc import Iterator

    import grpc


class Provider(Package):
    """One provider in one run of the engine."""

    def Check(self, request: pb.CheckRequest, context: grpc.ServicerContext) -> pb.CheckResponse:  # noqa: N802
        """Fill in name, region and tags, and find what AWS would refuse, at the property that is wrong."""
        with answering(context):
            olds, news = (received(each, self._folder) for each in (request.olds, request.news))
            inputs, problems = checked(self._cloud(), request, olds.values, news, self._settings)
            return pb.CheckResponse(inputs=sent(inputs.values, inputs.secrets), failures=failures(problems))

    def Diff(self, request: pb.DiffRequest, context: grpc.ServicerContext) -> pb.DiffResponse:  # noqa: N802
        """Tell what changed, property by property, and whether it takes a new resource."""
        with answering(context):
            cloud = self._cloud()
            new = asked(received(request.news, self._folder)).values
            old = self._before(request, new)
            if cloud.find(request.type, request.id, urn=request.urn) is None:
                self.engine.say_once(
                    "warning",
                    "The twin does not have this resource any more. `pulumi refresh` notes that, and the next "
                    "`pulumi up` makes it anew.",
                    request.urn,
                )
            return difference_response(cloud.difference(request.type, old, new))

    def _before(self, request: Any, new: dict[str, Any]) -> dict[str, Any]:
        old = asked(received(request.old_inputs, self._folder)).values
        return before(request.type, old, new, received(request.olds, self._folder).values)

    def Create(self, request: pb.CreateRequest, context: grpc.ServicerContext) -> pb.CreateResponse:  # noqa: N802
        """Make a resource; in a preview, tell what is known of it already."""
        given = received(request.properties, self._folder)
        with answering(context, self._secret(request.type, given)):
            inputs = asked(given)
            if request.preview:
                outputs = created(inputs.values)
                return pb.CreateResponse(properties=sent(outputs, self._secret(request.type, given)))
            with self._working(request):
                made = self._cloud().make(
                    request.type, request.name, inputs.values, urn=request.urn, settings=self._settings
                )
            return pb.CreateResponse(id=made.id, properties=sent(made.outputs, self._secret(request.type, given)))

    def Update(self, request: pb.UpdateRequest, context: grpc.ServicerContext) -> pb.UpdateResponse:  # noqa: N802
        """Change a resource in place."""
        given, olds = (received(each, self._folder) for each in (request.news, request.olds))
        secrets = self._secret(request.type, given)
        with answering(context, secrets):
            inputs = asked(given)
            if request.preview:
                outputs = updated(request.type, self._before(request, inputs.values), inputs.values, olds.values)
                return pb.UpdateResponse(properties=sent(outputs, secrets))
            with self._working(request):
                made = self._cloud().update(
                    request.type, request.id, inputs.values, olds.values, urn=request.urn, settings=self._settings
                )
            return pb.UpdateResponse(properties=sent(made.outputs, secrets))

    def Delete(self, request: pb.DeleteRequest, context: grpc.ServicerContext) -> empty_pb2.Empty:  # noqa: N802
        """Remove a resource."""
        with answering(context), self._working(request, removes=True):
            outputs = received(request.properties, self._folder).values
            self._cloud().delete(request.type, request.id, outputs, urn=request.urn)
            return empty_pb2.Empty()

    def Read(self, request: pb.ReadRequest, context: grpc.ServicerContext) -> pb.ReadResponse:  # noqa: N802
        """Tell how a resource is now: for a refresh, an import, or a look-up by the program."""
        with answering(context), self._working(request):
            inputs, olds = (received(each, self._folder) for each in (request.inputs, request.properties))
            found = self._cloud().read(request.type, request.id, urn=request.urn, outputs=olds.values)
            if found is None:
                return pb.ReadResponse()
            secrets = self._secret(request.type, inputs) | olds.secrets
            # What the engine keeps beside the properties stays as it is.
            kept = {prop: value for prop, value in inputs.values.items() if prop.startswith("__")}
            return pb.ReadResponse(
                id=found.id,
                properties=sent(found.outputs, secrets),
                inputs=sent({**found.inputs, **kept} if inputs.values else found.inputs, secrets),
            )

    def Invoke(self, request: pb.InvokeRequest, context: grpc.ServicerContext) -> pb.InvokeResponse:  # noqa: N802
        """Answer a function of the package."""
        with answering(context):
            answer = self._cloud().call(request.tok, received(request.args, self._folder).values)
            return pb.InvokeResponse(
                **{"return": sent(answer, frozenset((prop,) for prop in SECRETS.get(request.tok, ())))}
            )

    def _secret(self, token: str, given: Properties) -> frozenset[Steps]:
        named = {(prop,) for prop in secret_outputs(token)}
        tags = {("tagsAll", *path[1:]) for path in given.secrets if path[0] == "tags"}
        return given.secrets | named | tags

    @contextmanager
    def _working(self, request: Any, *, removes: bool = False) -> Iterator[None]:
        def say(text: str) -> None:
            self.engine.say("info", text, request.urn, passing=True)

        with attempting(
            Attempt(say, self._cancelled, request.timeout or None if hasattr(request, "timeout") else None)
        ):
            try:
                yield
            finally:
                self._twin.changed(removed=removes)

"""The program run under Pulumi mocks, and the graph of resources that it makes."""

from __future__ import annotations

import runpy
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any
from unittest import mock

import pulumi
import yaml
from pulumi.runtime import mocks, rpc

from infra import packaging
from policy.graph import Graph, Resource
from policy.unknown import Unknown
from tests.infra.answers import Answers

__all__ = ["PROJECT", "ROOT", "Graph", "Resource", "program", "run", "settings_of"]

ROOT = Path(__file__).resolve().parents[2]
PROJECT = "orders"


def _bare(value: Any, path: str) -> Any:
    """A value without the wrappers that mark its secret parts, unknown parts as the rules know them."""
    if rpc.is_rpc_secret(value):
        value = rpc.unwrap_rpc_secret(value)
    if isinstance(value, pulumi.output.Unknown):
        return Unknown(path)
    if isinstance(value, dict):
        return {key: _bare(each, f"{path}.{key}".lstrip(".")) for key, each in value.items()}
    return [_bare(each, f"{path}[{index}]") for index, each in enumerate(value)] if isinstance(value, list) else value


def settings_of(stack: str) -> dict[str, str]:
    """Configuration of a stack as Pulumi hands it over: from its file, every value a string."""
    content = yaml.safe_load((ROOT / f"Pulumi.{stack}.yaml").read_text())
    return {key: _as_text(value) for key, value in content["config"].items()}


def _as_text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return "[" + ", ".join(f'"{each}"' for each in value) + "]"
    return str(value)


def run(
    body: Callable[[], Any] | None = None,
    *,
    stack: str = "dev",
    settings: Mapping[str, str] | None = None,
    preview: bool = False,
    project: str = PROJECT,
    answers: Mapping[str, dict[str, Any]] | None = None,
) -> Graph:
    """Run a program (the real one by default) under mocks and give its graph.

    Args:
        settings: replaces or adds to the stack's own; an empty value takes a key away.
        preview: outputs that only AWS knows stay unknown.
        answers: of invokes by token, instead of the usual ones.
    """
    values = {**settings_of(stack), **(settings or {})}
    values = {key.replace(f"{PROJECT}:", f"{project}:"): value for key, value in values.items() if value != ""}
    graph = Graph()
    region = values.get(f"{project}:region", "eu-central-1")
    recorder = Answers(preview=preview, answers=answers or {}, region=region)
    graph.invokes = recorder.invokes
    with _recording(graph), _config(values), _packages(), warnings.catch_warnings():
        # The provider deprecates modules of its own when it loads them; what the program uses still counts.
        warnings.filterwarnings("ignore", category=DeprecationWarning, module=r"pulumi_aws\.")
        mocks.set_mocks(recorder, project=project, stack=stack, preview=preview)

        def whole() -> Any:
            (body or _main)()
            return pulumi.Output.all(*(pulumi.Output.from_input(each) for each in graph.exports.values()))

        pulumi.runtime.test(whole)()  # type: ignore[no-untyped-call]
    return graph


def _main() -> None:
    runpy.run_path(str(ROOT / "__main__.py"), run_name="__main__")


@contextmanager
def _config(values: Mapping[str, str]) -> Iterator[None]:
    pulumi.runtime.set_all_config(dict(values))
    try:
        yield
    finally:
        pulumi.runtime.set_all_config({})


@contextmanager
def _packages() -> Iterator[None]:
    """Stand-in for the packaging of functions, which has tests of its own: any small file will do as zip."""
    with mock.patch.object(packaging, "build", return_value=Path(__file__)):
        yield


@contextmanager
def _recording(graph: Graph) -> Iterator[None]:
    """Note what mocks do not hand to `new_resource`: parent, dependencies, options, exports."""
    original: Callable[..., Any] = mocks.MockMonitor.RegisterResource

    def register(monitor: mocks.MockMonitor, request: Any) -> Any:
        response = original(monitor, request)
        if request.type == "pulumi:pulumi:Stack":
            return response
        made = monitor.resources[response.urn]
        uses = {key: frozenset(deps.urns) for key, deps in request.propertyDependencies.items() if deps.urns}
        inputs = _bare(rpc.deserialize_properties(request.object), "")
        graph.resources.append(
            Resource(
                urn=response.urn,
                type=request.type,
                name=request.name,
                parent=request.parent,
                inputs=inputs,
                id=made.id or "",
                outputs=_bare(made.state, ""),
                depends_on=frozenset(request.dependencies).union(*uses.values()),
                uses=uses,
                options={
                    "protect": request.protect,
                    "deleteBeforeReplace": request.deleteBeforeReplace,
                    "provider": request.provider,
                    "secretOutputs": tuple(request.additionalSecretOutputs),
                },
            )
        )
        return response

    with (
        mock.patch.object(mocks.MockMonitor, "RegisterResource", register),
        mock.patch.object(pulumi, "export", graph.exports.__setitem__),
    ):
        yield


@cache
def program(stack: str, *, preview: bool = False) -> Graph:
    """The graph of the real program, run once a session; not to be changed."""
    return run(stack=stack, preview=preview)

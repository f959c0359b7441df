"""What the code of the functions calls, told by the code itself, against what the program lets it reach.

The rules of policy/paths.py tell it by a function's environment; here the environment is held against the code.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache

import pytest

from infra.packaging.source import folders, imports, modules
from policy.graph import Resource
from policy.reach import CACHE, DATABASE, called
from tests.infra.golden import STACKS
from tests.infra.graph import ROOT, program

# Packages that talk to something in the network.
_DRIVERS = {"psycopg2": DATABASE, "redis": CACHE}
# Services that code asks by a client of its name, by their endpoint's name where that differs.
_CLIENTS = {"sesv2": "email", "ses": "email", "kinesis": "kinesis-streams"}
_SERVICE = re.compile(r"^(secretsmanager|sqs|sns|kinesis|dynamodb|sesv2|ses|ssm|s3|events|lambda|kms)$")
# What libraries read, and Lambda itself.
_READ_BY_LIBRARIES = re.compile(r"^(POWERTOOLS|AWS)_")


def functions(stack: str) -> list[Resource]:
    return program(stack).of("lambda/function:Function")


def folder(function: Resource) -> str:
    return str(function.inputs["handler"]).split(".")[1]


@cache
def sources(name: str) -> tuple[ast.Module, ...]:
    """All modules of our own that a function's handler reaches."""
    paths = modules(ROOT / "functions" / name / "handler.py")
    return tuple(ast.parse(path.read_text()) for path in paths if path.suffix == ".py")


def texts(name: str) -> set[str]:
    """All texts that stand in a function's code."""
    nodes = (node for tree in sources(name) for node in ast.walk(tree))
    return {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}


def clients(name: str) -> Iterator[str]:
    """Services that a function's code makes a client for, or signs requests to."""
    for tree in sources(name):
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                for given in node.args:
                    if isinstance(given, ast.Constant) and isinstance(given.value, str) and _SERVICE.match(given.value):
                        yield _CLIENTS.get(given.value, given.value)


def drivers(name: str) -> set[str]:
    """What a function's code has a driver for."""
    paths = modules(ROOT / "functions" / name / "handler.py")
    packages = {each.partition(".")[0] for path in paths if path.suffix == ".py" for each in imports(path)}
    return {what for package, what in _DRIVERS.items() if package in packages}


@pytest.mark.parametrize("name", folders())
def test_code_has_what_it_calls_in_its_environment(name: str) -> None:
    by_stack = [
        called(program(stack), function)
        for stack in STACKS
        for function in functions(stack)
        if folder(function) == name
    ]
    assert by_stack, f"functions/{name} is in no stack"
    for found in by_stack:
        # A driver is of no use without a place to go, nor a place without a driver.
        assert found & {DATABASE, CACHE} == drivers(name)
        assert found - {DATABASE, CACHE} <= set(clients(name))
    # Each client has its use in one stack or another: a login by secret is for the local one.
    assert set().union(*by_stack) - {DATABASE, CACHE} == set(clients(name))


@pytest.mark.parametrize("stack", STACKS)
def test_every_variable_is_read(stack: str) -> None:
    unread = {
        (folder(function), name)
        for function in functions(stack)
        for name in function.inputs["environment"]["variables"]
        if not _READ_BY_LIBRARIES.match(name) and name not in texts(folder(function))
    }
    assert unread == set()

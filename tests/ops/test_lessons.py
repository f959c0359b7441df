"""Every command teaches: what it is for, examples that can be typed, and what its exit codes say."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from ops.cli import app, stack_first

MAIN: Any = typer.main.get_command(app)
(USAGE_ERROR, *_) = typer.BadParameter.__bases__
EXAMPLE = re.compile(r"python -m ops (?P<words>.+)")


def commands(group: Any, words: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """All commands below a group, by the words that call them."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, (*words, name))
        else:
            yield (*words, name), command


COMMANDS = dict(commands(MAIN))


def help_of(words: tuple[str, ...]) -> str:
    # Wide, so that no line is broken; plain, so that no colour stands between words.
    result = CliRunner(env={"COLUMNS": "200", "TERM": "dumb"}).invoke(app, [*words, "--help"])
    assert result.exit_code == 0, result.output
    return result.output


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_help_says_what_the_exit_codes_say(words: tuple[str, ...]) -> None:
    text = help_of(words)
    assert re.search(r"Exit codes\s+0 \S", text)
    assert "2 wrong usage" in text
    assert re.search(r"\b3 .*cannot be reached", text)


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_help_has_examples_that_the_command_line_takes(words: tuple[str, ...]) -> None:
    examples = [match["words"].strip() for match in EXAMPLE.finditer(help_of(words).partition("Examples")[2])]
    assert any(" ".join(words) in example for example in examples)
    for example in examples:
        takes(shlex.split(example.partition(" | ")[0]))


def takes(typed: list[str]) -> None:
    """Parse words as the command line would, without doing anything; raises a usage error."""
    context = MAIN.make_context("ops", stack_first(typed))
    command = MAIN
    while hasattr(command, "commands"):
        _, found, rest = command.resolve_command(context, [*context._protected_args, *context.args])
        assert found is not None
        context = found.make_context(found.name, rest, parent=context)
        command = found


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_option_is_explained(words: tuple[str, ...]) -> None:
    for parameter in COMMANDS[words].params:
        assert getattr(parameter, "help", None), f"{' '.join(words)} {parameter.name}"


@pytest.mark.parametrize("words", ["nonsense", "dlq show", "rebuild --rate 0", "dlq list --jsn"])
def test_a_mistyped_example_would_be_found(words: str) -> None:
    with pytest.raises(USAGE_ERROR):
        takes(words.split())


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("dlq list --stack dev", "--stack dev dlq list"),
        ("dlq show pipe --twin --limit 3", "--twin dlq show pipe --limit 3"),
        ("reconcile --stack=dev --json", "--stack=dev reconcile --json"),
        ("dlq list --stack", "--stack dlq list"),
        ("--twin rebuild", "--twin rebuild"),
    ],
)
def test_the_stack_may_be_named_anywhere(typed: str, meant: str) -> None:
    assert stack_first(typed.split()) == meant.split()

"""What stands below the `--help` of a command: examples to type, and what its exit code says."""

from __future__ import annotations

# What a command exits with when it could not be carried out, whatever the command.
WRONG_USAGE = "2 wrong usage"
OUT_OF_REACH = "3 no such stack, or AWS (the twin) cannot be reached"


def lesson(*examples: tuple[str, str], well: str, wrong: str | None = None) -> str:
    """Write the epilog of a command.

    Args:
        examples: what to type behind `python -m ops`, and what that does.
        well: what exit code 0 says.
        wrong: what exit code 1 says; None if the command never ends so.
    """
    codes = [f"0 {well}", *([f"1 {wrong}"] if wrong else []), WRONG_USAGE, OUT_OF_REACH]
    shown = [f"  [cyan]python -m ops {words}[/]\n      {does}" for words, does in examples]
    return "\n".join(["[bold]Examples[/]", *shown, "", "[bold]Exit codes[/]", *(f"  {code}" for code in codes)])

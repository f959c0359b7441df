"""The table of the rules in docs/checks.md, from the rules' own docstrings: `python -m policy.table` writes it anew."""

from __future__ import annotations

from pathlib import Path

from policy.rule import Rule
from policy.rules import MODULES

PAGE = Path(__file__).resolve().parents[1] / "docs" / "checks.md"
START, END = "<!-- rules -->", "<!-- end of rules -->"


def table() -> str:
    """Write the rules of each module as a table: what a rule asks for, what to do about a breach, who says so."""
    lines: list[str] = []
    for module in MODULES:
        subject = str(module.__doc__).partition(":")[0].removeprefix("Rules about ")
        lines += [
            f"### {subject[0].upper()}{subject[1:]}",
            "",
            "| rule | asks for | about a breach | source |",
            "|---|---|---|---|",
        ]
        lines += [_row(found) for found in vars(module).values() if isinstance(found, Rule)]
        lines.append("")
    return "\n".join(lines)


def page(text: str) -> str:
    """Put the table of today between the marks of a page."""
    before, _, rest = text.partition(START)
    _, _, after = rest.partition(END)
    return f"{before}{START}\n\n{table()}\n{END}{after}"


def main() -> None:
    """Write the page anew."""
    PAGE.write_text(page(PAGE.read_text()))


def _row(rule: Rule) -> str:
    name = f"`{rule.name}`" + ("" if rule.local else " ¹")
    cells = (name, rule.summary, f"{rule.remedy}.", rule.source)
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


if __name__ == "__main__":
    main()

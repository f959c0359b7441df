"""The tables of docs/twin.md, written from what the code knows: `python -m twin.coverage` writes them anew."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from twin.cloud.invokes import INVOKES
from twin.cloud.kind import Kind
from twin.cloud.operations import FURTHER, OPERATIONS
from twin.cloud.registry import DATA_SERVICES, coverage, kind_of
from twin.cloud.replacing import replacing
from twin.plugin.project import PACKAGES

DOCUMENT = Path(__file__).resolve().parent.parent / "docs" / "twin.md"
BEGIN, END = "<!-- written by `python -m twin.coverage` -->", "<!-- end of what is written -->"
HERE = {"real": "real", "kept": "kept, for others to read"}


def tables() -> str:
    """Give the tables as Markdown."""
    listed = [(token, kind_of(token)) for token, _ in coverage()]
    working = [(token, kind) for token, kind in listed if kind.coverage != "recorded"]
    recorded = [(token, kind) for token, kind in listed if kind.coverage == "recorded"]
    functions = ", ".join(f"`{token.rpartition(':')[2]}`" for token in sorted(INVOKES))
    parts = [
        f"Packages: {', '.join(f'`{package}`' for package in PACKAGES)}. {len(working)} types do their work here, "
        f"{len(recorded)} more are known and recorded.",
        "",
        *_table(("type", "here", "inputs checked against", "a change makes a new one", "other than on AWS"), working),
        "",
        "Checked and recorded: they have plausible ids and ARNs, and do nothing.",
        "",
        *_table(("type", "inputs checked against", "a change makes a new one"), recorded),
        "",
        f"Functions that a program may call: {functions}.",
        "",
        "Every other type is recorded too, unless it is of a service that data pass through or that runs code: then it "
        "is refused, as silence would lose data. These services are: "
        f"{', '.join(f'`{service}`' for service in sorted(DATA_SERVICES))}.",
    ]
    return "\n".join(parts)


def _table(heads: tuple[str, ...], rows: Iterable[tuple[str, Kind]]) -> Iterator[str]:
    yield f"| {' | '.join(heads)} |"
    yield "|---" * len(heads) + "|"
    for token, kind in rows:
        cells = {
            "type": f"`{_short(token)}`",
            "here": HERE.get(kind.coverage, ""),
            "inputs checked against": _operations(token) or ("its own rules" if kind.coverage == "real" else ""),
            "a change makes a new one": _replacing(token, kind),
            "other than on AWS": kind.differs,
        }
        yield f"| {' | '.join(cells[head] for head in heads)} |"


def _short(token: str) -> str:
    package, module, name = token.split(":")
    return f"{package}.{module.partition('/')[0]}.{name}".replace(".index.", ".")


def _operations(token: str) -> str:
    operations = [OPERATIONS[token], *FURTHER.get(token, ())] if token in OPERATIONS else []
    return ", ".join(f"{one.service} {one.name}" for one in operations)


def _replacing(token: str, kind: Kind) -> str:
    if kind.update is None:
        return "any"
    names = (replacing(token, {}) | kind.replace_on) - {"region"}
    return ", ".join(f"`{name}`" for name in sorted(names))


def document(text: str) -> str:
    """Put the tables into a document, between their marks."""
    head, _, rest = text.partition(BEGIN)
    _, _, tail = rest.partition(END)
    return f"{head}{BEGIN}\n\n{tables()}\n\n{END}{tail}"


def main() -> int:
    """Write the tables into docs/twin.md."""
    DOCUMENT.write_text(document(DOCUMENT.read_text("utf-8")), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""`python -m deployer`: write the deployer's policy to docs/deployer-policy/, or check that it is up to date."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from deployer.policy import documents

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "deployer-policy"
# The project's name in Pulumi.yaml and what follows it in all names.
PREFIX = "orders-"


def pages(prefix: str) -> dict[str, str]:
    """Give the files by name."""
    return {f"{number}.json": json.dumps(page, indent=1) + "\n" for number, page in enumerate(documents(prefix), 1)}


def main(arguments: list[str] | None = None) -> int:
    """Do what the command line says; 1 if the files are not up to date."""
    parser = argparse.ArgumentParser(prog="python -m deployer", description=__doc__)
    parser.add_argument("--prefix", default=PREFIX, help="what the names of all resources start with")
    parser.add_argument("--check", action="store_true", help="write nothing, and fail if a file would change")
    options = parser.parse_args(arguments)
    wanted = pages(options.prefix)
    present = {path.name: path.read_text() for path in FOLDER.glob("*.json")}
    if options.check:
        if present != wanted:
            sys.stderr.write("docs/deployer-policy is not up to date: run `python -m deployer`.\n")
        return int(present != wanted)
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name in present.keys() - wanted.keys():
        (FOLDER / name).unlink()
    for name, text in wanted.items():
        (FOLDER / name).write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())

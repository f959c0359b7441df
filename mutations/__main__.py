"""Break each promise once, and see that a test notices: `make mutate`.

python -m mutations                    all, and the table in docs/guarantees.md anew
python -m mutations NAME ...           these only; the table stays as it is
python -m mutations --list             names, promises and tests
"""

from __future__ import annotations

import argparse
import sys

from mutations.errors import MutationError
from mutations.mutation import mutations
from mutations.page import write
from mutations.trial import Result, require_soundness, try_all


def main(arguments: list[str] | None = None) -> int:
    """Run; 0 if every mutation was noticed, 1 if one survived, 2 if the trial itself was not sound."""
    parser = argparse.ArgumentParser(prog="python -m mutations", description="Break each promise; a test must notice.")
    parser.add_argument("names", nargs="*", help="mutations to try (all)")
    parser.add_argument("--list", action="store_true", help="list them and try nothing")
    parser.add_argument("--workers", type=int, default=2, help="trials side by side (2)")
    given = parser.parse_args(arguments)
    try:
        every = mutations()
        unknown = set(given.names) - {one.name for one in every}
        if unknown:
            print(f"There is no mutation {', '.join(sorted(unknown))}; --list names them.", file=sys.stderr)
            return 2
        chosen = [one for one in every if not given.names or one.name in given.names]
        if given.list:
            for one in chosen:
                print(f"{one.name}: {one.promise}\n  {one.breakage}\n  {' '.join(one.tests)}")
            return 0
        require_soundness(chosen)
        results = try_all(chosen, given.workers, _tell)
    except MutationError as error:
        print(error, file=sys.stderr)
        return 2
    write(results, {one.name for one in every})
    survivors = [result for result in results if not result.caught]
    for result in survivors:
        print(f"\nNobody noticed {result.mutation.name}:\n{result.output}", file=sys.stderr)
    print(f"{len(results) - len(survivors)} of {len(results)} noticed.")
    return 1 if survivors else 0


def _tell(result: Result) -> None:
    seen = result.failing[0] if result.caught else "NOBODY"
    print(f"{result.mutation.name}: {seen}", flush=True)


if __name__ == "__main__":
    sys.exit(main())

"""Make the schemas of events what is released: `python -m contract.release`. Refuses what would break a reader."""

from __future__ import annotations

import json
import sys

from contract.evolution import RELEASED, SCHEMAS, broken, read


def main() -> int:
    """Write the released forms; gives the exit code, 1 if a change would break somebody."""
    released, current = read(RELEASED), read(SCHEMAS)
    breaks = [f"{name}: the whole type is gone" for name in released.keys() - current.keys()]
    for name, schema in released.items():
        breaks += [f"{name}: {each}" for each in broken(schema, current.get(name, schema))]
    if breaks:
        sys.stderr.write("\n".join(breaks) + "\nNot released: make it a new type, see docs/event-evolution.md.\n")
        return 1
    RELEASED.mkdir(exist_ok=True)
    for name, schema in current.items():
        (RELEASED / name).write_text(json.dumps(schema, indent=2) + "\n", encoding="utf-8")
    sys.stdout.write(f"Released {len(current)} schemas.\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""The graph of a stack as a text that a reviewer can read, kept in golden/ and compared by a test.

`python -m tests.infra.golden` writes the files anew; the difference is what the next deployment changes.
"""

from __future__ import annotations

from pathlib import Path

from policy.graph import Graph, Resource
from policy.rules import RULES
from tests.infra.graph import program

FOLDER = Path(__file__).parent / "golden"
# What the rules cannot tell in a preview of dev.
UNDECIDED = "undecided.txt"
STACKS = ("dev", "local", "prod")
_NAME_KEYS = (
    *("name", "namePrefix", "identifier", "clusterIdentifier", "replicationGroupId", "userId", "userGroupId"),
    *("replicationTaskId", "replicationInstanceId", "replicationSubnetGroupId", "endpointId", "dashboardName"),
    *("pathPart", "httpMethod", "responseType", "stageName", "serviceName"),
)


def render(graph: Graph) -> str:
    """Write the tree of resources: type, logical name, physical name, and `<-` what it waits for.

    A component's children are indented below it; parents are not repeated among what is waited for.
    """
    lines: list[str] = []
    names = {found.urn: found.name for found in graph.resources}

    def write(found: Resource, depth: int) -> None:
        physical = next((str(found.inputs[key]) for key in _NAME_KEYS if found.inputs.get(key)), "")
        waits = sorted(names[urn] for urn in found.depends_on if urn != found.parent and names[urn] != "aws")
        marks = [f'"{physical}"' if physical else "", "protected" if found.options.get("protect") else ""]
        after = f"<- {', '.join(waits)}" if waits else ""
        lines.append("  " * depth + " ".join(part for part in (found.type, found.name, *marks, after) if part))
        for child in ordered:
            if child.parent == found.urn:
                write(child, depth + 1)

    # The engine registers side by side what does not depend on each other, so in no certain order.
    ordered = sorted(graph.resources, key=lambda found: (found.type, found.name))
    for found in ordered:
        if found.parent not in names:
            write(found, 0)
    return "\n".join(lines) + "\n"


def render_undecided(graph: Graph) -> str:
    """Write what the rules cannot tell of a graph: rule, how many resources, and for each the value that is unknown."""
    lines: list[str] = []
    for rule in RULES:
        found = sorted((each.resource.name, each.problem) for each in rule.undecided(graph))
        if found:
            lines += [f"{rule.name}: {len(found)}", *(f"  {name} {problem}" for name, problem in found)]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Write the golden files anew."""
    FOLDER.mkdir(exist_ok=True)
    for stack in STACKS:
        (FOLDER / f"{stack}.txt").write_text(render(program(stack)))
    (FOLDER / UNDECIDED).write_text(render_undecided(program("dev", preview=True)))


if __name__ == "__main__":
    main()

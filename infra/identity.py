"""What the stack was called when it was made.

All physical names start with the name of the project and of the stack. Whoever renames one of the two makes new
names of all, and a new name is a new resource: the database would be replaced by an empty one. So the first
deployment writes its prefix down, and each later one is held against it.
"""

from __future__ import annotations

import pulumi
import pulumi_random as random

from infra.errors import ConfigError
from infra.names import Names


class Identity(pulumi.ComponentResource):
    """The prefix of the stack's names, as it was at the first deployment."""

    prefix: pulumi.Output[str]

    def __init__(self, name: str, names: Names, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("orders:identity:Identity", name, None, opts)
        kept = random.RandomId(
            f"{name}-prefix",
            byte_length=1,
            prefix=names.prefix,
            # The state keeps the first value, whatever the program says later.
            opts=pulumi.ResourceOptions(parent=self, ignore_changes=["prefix"]),
        )
        self.prefix = kept.prefix.apply(lambda first: _same(first, names))
        self.register_outputs({"prefix": self.prefix})


def _same(first: str | None, names: Names) -> str:
    """The prefix, if it is still the first one."""
    if first not in (None, names.prefix):
        key = f"{names.project}:namePrefix"
        raise ConfigError(
            names.stack,
            [
                f"The resources of this stack have names that start with {first!r}; now they would start with "
                f"{names.prefix!r}, and all of them, the database too, would be replaced. Keep the names: "
                f"`pulumi config set {key} {first}`."
            ],
        )
    return names.prefix

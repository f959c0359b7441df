"""What every component is told: configuration, names, place, and where alarms go."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi

from infra.config import Config
from infra.names import Names
from infra.place import Place


@dataclass(frozen=True)
class Shared:
    """What every component is told.

    Attributes:
        alarm_topic: ARN of the topic that alarms report to.
    """

    config: Config
    names: Names
    place: Place
    alarm_topic: pulumi.Input[str]

"""Redrive of a schedule's dead letters: the function is invoked again with the payload of the run that failed."""

from __future__ import annotations

import json
from collections.abc import Sequence

from ops.aws import Aws
from ops.dead_letters import DeadLetterQueue, Letter
from ops.errors import FunctionFailed
from ops.functions import invoke
from ops.redrive import Outcome


def redrive(aws: Aws, source: DeadLetterQueue, letters: Sequence[Letter]) -> list[Outcome]:
    """Invoke the schedule's function for each letter. Raises OutputMissing, Unreachable."""
    return [Outcome(letter, _run(aws, source.name, letter)) for letter in letters]


def error(letter: Letter) -> str:
    """Why the run failed: EventBridge Scheduler says it in the message's attributes ("Configuring a DLQ")."""
    named = {name: value.get("StringValue", "") for name, value in letter.attributes.items()}
    return " ".join(named[name] for name in ("ERROR_CODE", "ERROR_MESSAGE") if named.get(name)) or "no reason was given"


def _run(aws: Aws, function: str, letter: Letter) -> str | None:
    try:
        payload = json.loads(letter.body) if letter.body.strip() else {}
        invoke(aws, function, payload if isinstance(payload, dict) else {})
    except ValueError:
        return "its payload is not JSON"
    except FunctionFailed as failure:
        return failure.reason
    return None

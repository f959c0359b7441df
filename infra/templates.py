"""What the pipe lets through, how it writes it, and what a queue asks of the topic.

Sources: "Amazon EventBridge Pipes event filtering" and "input transformation"
in the EventBridge user guide, "Subscription filter policies" in the SNS guide.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

# New rows only: `load` from the first full load, `insert` from the log.
OPERATIONS = ("load", "insert")


def pipe_filter(schema: str, table: str) -> str:
    """Write the filter pattern for new rows of one table; control records and all else are skipped."""
    metadata = {
        "record-type": ["data"],
        "operation": list(OPERATIONS),
        "schema-name": [schema],
        "table-name": [table],
    }
    return json.dumps({"data": {"metadata": metadata}})


def pipe_input_template() -> str:
    """Write the pipe's template: row and metadata as one JSON object.

    The variables stand without quotes, which is how Pipes puts whole objects into a JSON document.
    """
    return '{"data": <$.data.data>, "metadata": <$.data.metadata>}'


def event_filter(event_types: Sequence[str]) -> str:
    """Write the subscription's filter policy, for scope MessageBody, on the type of the event."""
    return json.dumps({"data": {"event_type": list(event_types)}})

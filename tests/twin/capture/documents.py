"""Documents that describe a task, as the tests use them."""

from __future__ import annotations

import json
from typing import Any

MAPPINGS: dict[str, Any] = {
    "rules": [
        {
            "rule-type": "selection",
            "rule-id": "1",
            "rule-name": "1",
            "object-locator": {"schema-name": "public", "table-name": "outbox"},
            "rule-action": "include",
            "filters": [],
        },
        {
            "rule-type": "object-mapping",
            "rule-id": "2",
            "rule-name": "2",
            "rule-action": "map-record-to-record",
            "object-locator": {"schema-name": "public", "table-name": "outbox"},
            "mapping-parameters": {
                "partition-key-type": "attribute-name",
                "partition-key-name": "aggregate_id",
                "attribute-mappings": [
                    {
                        "target-attribute-name": "aggregate_id",
                        "attribute-type": "scalar",
                        "attribute-sub-type": "string",
                        "value": "${aggregate_id}",
                    }
                ],
            },
        },
    ]
}


def spec_document(**overrides: Any) -> dict[str, Any]:
    """The document of a task; names with __ reach into it: source__port=1."""
    document: dict[str, Any] = {
        "task_id": "orders-capture",
        "resource_identifier": "orders-capture",
        "migration_type": "full-load-and-cdc",
        "table_mappings": MAPPINGS,
        "settings": {
            "TargetMetadata": {"SupportLobs": False},
            "ErrorBehavior": {"DataErrorPolicy": "STOP_TASK", "TableErrorPolicy": "STOP_TASK"},
        },
        "source": {
            "host": "127.0.0.1",
            "port": 1,
            "database": "nothing",
            "username": "dms",
            "password": "secret",
            "ssl_mode": "none",
            "postgres_settings": {"capture_ddls": False, "plugin_name": "test-decoding"},
        },
        "target": {
            "stream_arn": "arn:aws:kinesis:us-east-1:000000000000:stream/events",
            "kinesis_settings": {"message_format": "json-unformatted"},
        },
        "aws": {
            "endpoint_url": "http://127.0.0.1:1",
            "region": "us-east-1",
            "access_key_id": "id",
            "secret_access_key": "key",
            "session_token": None,
        },
        "folder": "/nonexistent",
    }
    for path, value in overrides.items():
        *parts, last = path.split("__")
        place = document
        for part in parts:
            place = place[part]
        place[last] = value
    return json.loads(json.dumps(document))  # type: ignore[no-any-return]


ALL_TABLES: dict[str, Any] = {
    "rules": [
        {
            "rule-type": "selection",
            "rule-id": "1",
            "rule-name": "1",
            "object-locator": {"schema-name": "public", "table-name": "%"},
            "rule-action": "include",
        }
    ]
}

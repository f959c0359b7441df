"""What a cold start may cost: measured by bench/cold_start.py, and held as far as it needs no clock by a test."""

from __future__ import annotations

from collections import defaultdict

# Milliseconds to import a handler from its zip, on the machine of bench/README.md. 400 is the limit for any function;
# those in a caller's way have less.
IMPORT_MS: dict[str, int] = defaultdict(
    lambda: 400, {"place_order": 250, "get_client": 250, "list_orders": 250, "project_clients": 250, "authorize": 100}
)

# Of a zip, in bytes: Lambda loads it for each new environment.
ZIP_BYTES = 10_000_000

# What no handler imports before its first request: the SDK and its parts, and what only some requests or none need.
DEFERRED = frozenset(
    {
        "boto3",
        "botocore",
        "cryptography",
        "email.parser",
        "http.client",
        "http.server",
        "jsonschema",
        "multiprocessing",
        "numpy",
        "pydantic.v1",
        "requests",
        "sqlite3",
        "unittest",
        "urllib3",
        "xml",
        "aws_lambda_powertools.event_handler",
        "aws_lambda_powertools.utilities.data_classes",
        "aws_lambda_powertools.utilities.idempotency",
        "aws_lambda_powertools.utilities.parser",
    }
)

# What the functions in a caller's way do without, because the other side of the system is not their business.
WITHOUT: dict[str, frozenset[str]] = {
    "administer": frozenset({"asyncio", "jinja2", "msgspec", "redis"}),
    "authorize": frozenset({"asyncio", "jinja2", "msgspec", "psycopg2", "pydantic", "redis"}),
    "get_client": frozenset({"jinja2", "msgspec", "psycopg2", "pydantic"}),
    "list_orders": frozenset({"jinja2", "msgspec", "psycopg2", "pydantic"}),
    "place_order": frozenset({"asyncio", "jinja2", "msgspec", "redis"}),
    "project_clients": frozenset({"jinja2", "psycopg2", "pydantic"}),
}

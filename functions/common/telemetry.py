"""The functions' one logger and one set of metrics.

Log lines are JSON objects with the service, the level and, while a request is handled, its correlation id. They hold
ids and counts, never a name, an e-mail address, a credential or a request's body. Metrics are written in the same
stream, in CloudWatch's embedded metric format.

Service, level and namespace come from POWERTOOLS_SERVICE_NAME, POWERTOOLS_LOG_LEVEL and
POWERTOOLS_METRICS_NAMESPACE.

Times are as RFC 3339 has them: a line with any other is one of level INFO to Lambda, whatever it says itself
("Log-level filtering", AWS Lambda Developer Guide).
"""

from __future__ import annotations

import json
import logging
import os

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

__all__ = ["MetricUnit", "logger", "metrics"]

# What no line shows need not be found out for each ("Logging HOWTO" of Python's documentation, Optimization).
logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
logger = Logger(
    utc=True,
    use_rfc3339=True,
    json_serializer=json.JSONEncoder(default=str, separators=(",", ":"), ensure_ascii=False).encode,
    # Messages are words. Powertools' default tries each as JSON.
    json_deserializer=str,
)
metrics = Metrics(namespace=os.environ.get("POWERTOOLS_METRICS_NAMESPACE", "Orders"))

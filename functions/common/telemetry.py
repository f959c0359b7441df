"""The functions' one logger and one set of metrics.

Log lines are JSON objects with the service, the level and, while a request is handled, its correlation id. They hold
ids and counts, never a name, an e-mail address, a credential or a request's body. Metrics are written in the same
stream, in CloudWatch's embedded metric format.

Service, level and namespace come from POWERTOOLS_SERVICE_NAME, POWERTOOLS_LOG_LEVEL and
POWERTOOLS_METRICS_NAMESPACE.
"""

from __future__ import annotations

import os

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

__all__ = ["MetricUnit", "logger", "metrics"]

logger = Logger()
metrics = Metrics(namespace=os.environ.get("POWERTOOLS_METRICS_NAMESPACE", "Orders"))

"""One Powertools Logger, Tracer and Metrics for all functions, and the Telemetry port over them."""

from __future__ import annotations

import logging
import warnings

from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.metrics import MetricUnit

# Named by POWERTOOLS_SERVICE_NAME, the stack, so that two lanes in one account can be told apart.
logger = Logger()
tracer = Tracer()
metrics = Metrics(namespace="dagbranch")

# What would stand among the structured lines, and says nothing: a call without metrics, a connector without pyarrow.
warnings.filterwarnings("ignore", message="No application metrics to publish")
logging.getLogger("databricks").setLevel(logging.ERROR)
logging.getLogger("github").setLevel(logging.ERROR)  # each refusal, as plain text: our own errors tell it

# On every line, also before they are known: a query by any of them finds all lines or none.
EVERY_LINE = ("environment", "repository", "pull_number", "head_sha")
_UNKNOWN = ""  # Powertools leaves keys without a value out


class PowertoolsTelemetry:
    """What the use cases tell, as structured log lines and embedded metrics."""

    def about(self, **keys: object) -> None:
        logger.append_keys(**{key: _UNKNOWN if value is None else value for key, value in keys.items()})

    def info(self, message: str, **data: object) -> None:
        logger.info(message, extra=data)

    def warning(self, message: str, **data: object) -> None:
        logger.warning(message, extra=data)

    def count(self, name: str) -> None:
        metrics.add_metric(name=name, unit=MetricUnit.Count, value=1)

    def seconds(self, name: str, value: float) -> None:
        metrics.add_metric(name=name, unit=MetricUnit.Seconds, value=value)


def begin_record() -> None:
    """Forgets what the last record was about."""
    logger.append_keys(**dict.fromkeys(EVERY_LINE, _UNKNOWN))

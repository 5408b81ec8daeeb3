"""The schedule: finishing what was left undone, every minute."""

from __future__ import annotations

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from chalice.app import CloudWatchEvent, Rate

from chalicelib.usecases.sweeping import PASSING
from chalicelib.wiring import now, services
from chalicelib.workers.queues import workers

logger = Logger(child=True)
metrics = Metrics()


@workers.schedule(Rate(1, unit=Rate.MINUTES), name="sweep")
def sweep(event: CloudWatchEvent) -> dict[str, int]:  # noqa: ARG001 - the schedule says nothing
    """Finish what a crash, an outage or a lost message left undone.

    Raises:
        ExceptionGroup: of what failed for no passing reason, after all else was done.
    """
    swept = services().sweeping.sweep(now=now())
    for subject, error in swept.failures:
        logger.error("It could not be finished", subject=subject, exc_info=error)
    found = {
        "purchases": swept.purchases,
        "hints": swept.hints,
        "invoices": swept.invoices,
        "notices": swept.notices,
        "notices_given_up": swept.notices_given_up,
        "holds": swept.holds,
    }
    for name, count in found.items():
        metric = "".join(word.capitalize() for word in name.split("_"))
        metrics.add_metric(f"Swept{metric}", MetricUnit.Count, count)
    logger.info("Swept", extra={**found, "failures": len(swept.failures)})
    bugs = [error for _, error in swept.failures if not isinstance(error, PASSING)]
    if bugs:
        raise ExceptionGroup("the sweep met errors that won't pass by themselves", bugs)
    return found

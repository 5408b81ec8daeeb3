"""Counting what happens far from any handler, in CloudWatch's embedded metric format."""

from __future__ import annotations

from collections.abc import Callable

from aws_lambda_powertools.metrics import MetricUnit, single_metric


def counter(name: str, *, namespace: str) -> Callable[[], None]:
    """What adds one to the metric whenever it is called."""

    def count() -> None:
        with single_metric(name=name, unit=MetricUnit.Count, value=1, namespace=namespace):
            pass  # it is written when the context ends

    return count

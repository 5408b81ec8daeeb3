"""Measuring, in CloudWatch's embedded metric format: a line of the log for what belongs together.

The catalogue is complete: every name with its unit and, where it has a dimension beside the
service, the few values of that. CloudWatch charges for each combination, so none is ever taken
from a request, an organization or a model.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.metrics.provider.cloudwatch_emf.cloudwatch import (
    AmazonCloudWatchEMFProvider,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """What a metric is measured in, and by which dimension with which values.

    One that is `summed` is kept without the dimension, too: alarms can't add up.
    """

    unit: MetricUnit
    dimension: str | None = None
    values: tuple[str, ...] = ()
    summed: bool = False

    @property
    def series(self) -> int:
        """How many metrics CloudWatch makes of it, and charges for."""
        return (len(self.values) if self.dimension else 1) + self.summed


_COUNT = Kind(unit=MetricUnit.Count)
#: CloudWatch knows no currency: these are US dollars. What is exact is in the ledger.
_DOLLARS = Kind(unit=MetricUnit.NoUnit)


def _counted_by(dimension: str, *values: str) -> Kind:
    return Kind(unit=MetricUnit.Count, dimension=dimension, values=values)


CATALOGUE: Mapping[str, Kind] = {
    # What committed writes say: adapters/observed_writes.py.
    "Deductions": _COUNT,
    "DeductedAmount": _DOLLARS,
    "BoughtAmount": _DOLLARS,
    "HoldsExpired": _COUNT,
    "Purchases": _counted_by("Outcome", "succeeded", "declined", "failed", "canceled"),
    "TopUps": _counted_by("Outcome", "charged", "declined", "failed", "action_required", "paused"),
    "Declines": Kind(
        unit=MetricUnit.Count,
        dimension="Kind",
        values=("hard", "soft", "authentication"),
        summed=True,
    ),
    # What met each other: wiring/stores.py.
    "Conflicts": _COUNT,
    "Rivalries": _COUNT,
    # Requests: api/http.py.
    "RequestDuration": Kind(
        unit=MetricUnit.Milliseconds,
        dimension="Scope",
        values=("credits:read", "credits:write", "gateway", "operator", "open"),
    ),
    # Usage reports: workers/usage.py.
    "ReportsApplied": _COUNT,
    "ReportsRepeated": _COUNT,
    "ReportsConflict": _COUNT,
    "ReportsRejected": _counted_by(
        "Reason", "not_json", "invalid_request", "validation_failed", "conflict", "failed"
    ),
    "UsageDelay": Kind(unit=MetricUnit.Milliseconds),
    # The other workers.
    "MessagesFailed": _COUNT,
    "NoticesFailed": _COUNT,
    "WritesRolledUp": _COUNT,
    "WritesMissing": _COUNT,
    "ChangesFailed": _COUNT,
    # The sweep.
    "SweptPurchases": _COUNT,
    "SweptHints": _COUNT,
    "SweptInvoices": _COUNT,
    "SweptNotices": _COUNT,
    "SweptNoticesGivenUp": _COUNT,
    "SweptHolds": _COUNT,
    # Reconciliation and audit.
    "DifferencesRepaired": _COUNT,
    "DifferencesOpen": _COUNT,
    "AccountsChecked": _COUNT,
    "AccountsNotChecked": _COUNT,
    "LedgerMismatches": _COUNT,
}


def _to_the_log(line: str) -> None:
    sys.stdout.write(line)


@dataclass(frozen=True, slots=True, kw_only=True)
class Meter:
    """Writes measurements to the log, from where CloudWatch takes them.

    Threads may share it: nothing is gathered between calls, as Powertools' `Metrics` does.
    """

    namespace: str
    properties: Callable[[], Mapping[str, object]] = field(default=dict)
    write: Callable[[str], object] = _to_the_log

    def put(
        self,
        measured: Mapping[str, float | Sequence[float]],
        *,
        dimension: str = "",
        **properties: object,
    ) -> None:
        """Write measurements of the catalogue, several values of one if need be.

        `dimension` is the value of their common dimension, the properties are for reading.
        """
        line = AmazonCloudWatchEMFProvider(namespace=self.namespace)
        for name, values in measured.items():
            kind = CATALOGUE[name]
            if kind.dimension is not None:
                line.add_dimension(kind.dimension, dimension)
            if kind.summed and line.service:
                line.dimension_sets.append({"service": line.service})
            for value in values if isinstance(values, Sequence) else (values,):
                line.add_metric(name, kind.unit, value)
        if not line.metric_set:
            return
        for name, told in {**self.properties(), **properties}.items():
            line.add_metadata(name, told)
        # At once, so that threads don't write into each other's lines.
        self.write(json.dumps(line.serialize_metric_set(), separators=(",", ":")) + "\n")

    def counter(self, name: str) -> Callable[[], None]:
        """What adds one to the metric whenever it is called."""
        return lambda: self.put({name: 1})

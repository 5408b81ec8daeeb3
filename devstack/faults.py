"""Faults between the application and the emulated AWS, by a proxy that speaks its protocols."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import requests

TIMEOUT_SECONDS = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Faults:
    """The control interface of a running microburst proxy."""

    url: str

    def inject(self, *rules: dict[str, Any]) -> None:
        """Add rules in microburst's own words; each request obeys the first that matches."""
        self._call("PATCH", "rules", json=list(rules))

    def lose_response(
        self, *, service: str, operation: str, resource: str = "", times: int = 1
    ) -> None:
        """Let the next calls take effect, and close their connections before any answer."""
        self.inject(
            {
                "service": service,
                "operation": operation,
                **({"resource": resource} if resource else {}),
                "times": times,
                "response": {"abort_frac": 0.0},
            }
        )

    def fail(
        self, *, service: str, operation: str, code: str, times: int = 1, **fields: object
    ) -> None:
        """Refuse the next calls with an AWS error before they take effect."""
        self.inject(
            {
                "service": service,
                "operation": operation,
                "times": times,
                "error": {"code": code, **({"fields": fields} if fields else {})},
            }
        )

    def conflict(self, *, items: int, times: int = 1) -> None:
        """Refuse the next transactions of `items` items for a conflict with another one."""
        reasons = [{"Code": "TransactionConflict", "Message": "Transaction is ongoing"}]
        self.fail(
            service="dynamodb",
            operation="TransactWriteItems",
            code="TransactionCanceledException",
            times=times,
            CancellationReasons=reasons + [{"Code": "None"}] * (items - 1),
        )

    def clear(self) -> None:
        """Forget every rule, and what they did."""
        self._call("POST", "rules", json=[])
        self._call("DELETE", "fired")

    def fired(self) -> list[dict[str, Any]]:
        """Return the faults that happened, so that a test can prove it met one."""
        found: list[dict[str, Any]] = self._call("GET", "fired").json()
        return found

    def _call(self, method: str, path: str, **parameters: Any) -> requests.Response:
        with requests.Session() as session:
            session.trust_env = False  # no proxy between here and loopback
            response = session.request(
                method, f"{self.url}/_microburst/{path}", timeout=TIMEOUT_SECONDS, **parameters
            )
        response.raise_for_status()
        return response

"""What a call may cost at most, by the prices that the credits service quotes.

Asking for the price before the call also keeps models that nobody has priced from being called:
usage of such a model would be set aside, and nobody would pay for it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

from gateway import CreditsUnavailableError, ModelCall, Usage
from gateway.http_connection import HttpConnections, NoAnswerError

_QUOTE_SECONDS = 300.0
_NANOS = 10**9


class NotForSaleError(Exception):
    """The model has no price, or the operator doesn't sell it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Quote:
    """The highest price of each unit, in nano-dollars; None for a model that isn't sold."""

    nanos: Mapping[str, Decimal] | None
    asked_at: float


class Prices:
    """Quotes, each remembered for some minutes."""

    def __init__(self, url: str, *, token: Callable[[], str]) -> None:
        self._connections = HttpConnections(url, timeout_seconds=5.0)
        self._token = token
        self._quotes: dict[tuple[str, str], _Quote] = {}

    def at_most(self, usage: Usage) -> int:
        """What usage costs at most, in nano-dollars: an estimate for the client.

        Every unit counts at its highest price, and cached input as if it were not, too.

        Raises:
            NotForSaleError: if the model can't be called.
            CreditsUnavailableError: if the price can't be asked for.
        """
        if not isinstance(usage, ModelCall):
            raise TypeError("this gateway sells calls of models only")
        prices = self._prices(usage)
        total = sum(
            (prices.get(unit, Decimal(0)) * n for unit, n in usage.units.items()),
            prices.get("calls", Decimal(0)),
        )
        return int(total.to_integral_value(rounding=ROUND_CEILING))

    def close(self) -> None:
        """Close the connections."""
        self._connections.close()

    def _prices(self, call: ModelCall) -> Mapping[str, Decimal]:
        key = call.provider, call.model
        quote = self._quotes.get(key)
        if quote is None or time.monotonic() - quote.asked_at > _QUOTE_SECONDS:
            quote = self._quotes[key] = self._ask(call)
        if quote.nanos is None:
            raise NotForSaleError(f"{call.provider}/{call.model} is not for sale here")
        return quote.nanos

    def _ask(self, call: ModelCall) -> _Quote:
        query = urlencode({"provider": call.provider, "model": call.model})
        headers = {"Authorization": f"Bearer {self._token()}"}
        try:
            answer = self._connections.request("GET", f"/v1/prices/quote?{query}", headers=headers)
        except NoAnswerError as error:
            raise CreditsUnavailableError(f"No price: {error}") from error
        asked_at = time.monotonic()
        if answer.status == HTTPStatus.NOT_FOUND or answer.body.get("blocked"):
            return _Quote(nanos=None, asked_at=asked_at)
        if answer.status != HTTPStatus.OK:
            raise CreditsUnavailableError(f"No price: the service answered {answer.status}")
        prices = {price["unit"]: _highest(price) for price in answer.body["prices"]}
        return _Quote(nanos=prices, asked_at=asked_at)


def _highest(price: Mapping[str, Any]) -> Decimal:
    dollars = [price["usd"], *(tier["usd"] for tier in price["tiers"])]
    return max(map(Decimal, dollars)) * _NANOS / Decimal(price["per"])

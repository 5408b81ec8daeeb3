"""One process of the application for a crash test: it dies after so many HTTP calls.

`python -m tests.integration.process WHAT CALLS [ARGUMENT]` does WHAT with the application of its
environment, and is gone, without any farewell, right after the CALLS-th answer to an HTTP call of
botocore's or Stripe's. It ends with 0 when it is done before that.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import requests
from botocore.httpsession import URLLib3Session

from chalicelib.api.presenting import purchase_answer
from chalicelib.usecases.purchasing import Order
from chalicelib.wiring import now, services

DIED = 86


def die_after(calls: int) -> None:
    """Count the calls of both HTTP clients, and die at the one that is named."""
    left = [calls]

    def counted(send: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            answer = send(*args, **kwargs)
            left[0] -= 1
            if left[0] == 0:
                os._exit(DIED)
            return answer

        return call

    setattr(URLLib3Session, "send", counted(URLLib3Session.send))  # noqa: B010 - for mypy
    setattr(requests.Session, "send", counted(requests.Session.send))  # noqa: B010


def buy(card: str) -> None:
    """Buy, as `POST /purchases` does."""
    order = Order(
        organization_id="acme",
        amount_nanos=50_000_000_000,
        payment_method_id=card,
        billing_details=None,
        tax_id=None,
        keeps_tax_id=True,
        ordered_by="ada",
    )
    services().purchasing.buy(order, key="once", present=purchase_answer, now=now())


def top_up(_: object) -> None:
    """Look into a hint, as the queue's worker does."""
    services().topping_up.consider("acme", now=now())


def storm(_: str) -> None:
    """Ten hints at once."""
    with ThreadPoolExecutor(10) as threads:
        for _answer in threads.map(top_up, range(10)):
            pass


if __name__ == "__main__":
    die_after(int(sys.argv[2]))
    {"buy": buy, "top_up": top_up, "storm": storm}[sys.argv[1]](sys.argv[3])

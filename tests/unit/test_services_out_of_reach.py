"""What can't be reached just now is told as busy, so that it is asked for again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from pynamodb.exceptions import PutError

from chalicelib.adapters.dynamodb.models import MODELS, connect
from chalicelib.adapters.dynamodb.prices import DynamoPrices
from chalicelib.adapters.dynamodb.repositories import DynamoCustomers, DynamoTopUps
from chalicelib.adapters.dynamodb.usage_days import DynamoUsageDays
from chalicelib.adapters.sqs import SqsQueue
from chalicelib.domain.errors import BusyError
from chalicelib.domain.price_rules import PriceRule, Scope
from chalicelib.domain.usage_day import UsageDay
from simulation.cloud import MemoryCloud, Request
from simulation.cloud.errors import answer_lost, request_lost, throttled, unavailable
from simulation.patches import models_bound_to

NOW = datetime(2026, 11, 23, tzinfo=UTC)
TROUBLES: dict[str, Callable[[str], Exception]] = {
    "answer lost": lambda _: answer_lost(),
    "request lost": lambda _: request_lost(),
    "throttled": throttled,
    "unavailable": unavailable,
}


@pytest.fixture(params=sorted(TROUBLES))
def cloud(request: pytest.FixtureRequest) -> Iterator[tuple[MemoryCloud, Any]]:
    """A cloud, and a wire on which every call meets the same trouble."""
    trouble = TROUBLES[request.param]
    made = MemoryCloud(now=lambda: NOW)

    def wire(request: Request, act: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        raise trouble(request.operation)

    def bind() -> None:
        tables = {aggregate: made.environment[f"{aggregate.upper()}_TABLE"] for aggregate in MODELS}
        client: Any = made.client("dynamodb", wire=wire)
        connect(tables, region="us-east-1")._client = client

    with models_bound_to(bind):
        yield made, wire


def test_reads_of_a_database_out_of_reach_say_that_it_passes(
    cloud: tuple[MemoryCloud, Any],
) -> None:
    with pytest.raises(BusyError):
        DynamoCustomers().get("acme")
    with pytest.raises(BusyError):
        DynamoTopUps().due(NOW, 10)


def test_a_price_that_gets_no_answer_may_be_sent_again(cloud: tuple[MemoryCloud, Any]) -> None:
    rule = PriceRule(
        scope=Scope(), version=1, author="ada", recorded_at=NOW, effective_from=NOW, blocked=True
    )
    with pytest.raises(BusyError):
        DynamoPrices(max_age_seconds=60, clock=lambda: 0.0).append(rule)


def test_a_day_that_is_not_saved_is_no_rivals_doing(cloud: tuple[MemoryCloud, Any]) -> None:
    day = UsageDay(organization_id="acme", day=NOW.date(), version=1)
    with pytest.raises(PutError):
        DynamoUsageDays(lambda _: None).replace(day)


def test_a_queue_out_of_reach_says_that_it_passes(cloud: tuple[MemoryCloud, Any]) -> None:
    made, wire = cloud
    queue = SqsQueue(
        made.client("sqs", wire=wire),
        top_up_url=made.environment["TOP_UP_QUEUE_URL"],
        payment_event_url=made.environment["PAYMENT_EVENT_QUEUE_URL"],
        invoice_url=made.environment["INVOICE_QUEUE_URL"],
        rejected_usage_url=made.environment["REJECTED_USAGE_QUEUE_URL"],
    )
    with pytest.raises(BusyError):
        queue.top_up_hint("acme")
    with pytest.raises(BusyError):
        queue.rejected_usage("{}", reason="because")

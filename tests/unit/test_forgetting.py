"""Which rows DynamoDB may remove, and when: docs/adr/what-may-be-forgotten.md."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from chalicelib.adapters.dynamodb import notices, purchase_days  # noqa: F401 - they register rows
from chalicelib.adapters.dynamodb.codec import to_row
from chalicelib.adapters.dynamodb.models import MODELS
from chalicelib.domain.notices import Notice, NoticeKind
from chalicelib.domain.purchase_day import PurchaseDay

NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)
KEPT = timedelta(days=400)
FORGETFUL = {"notices", "purchase_days"}


def stored(value: Any) -> dict[str, Any]:
    row: dict[str, Any] = to_row(value).serialize()
    return row


def test_a_notice_is_forgotten_once_it_was_passed_on_and_not_before() -> None:
    notice = Notice.of(
        NoticeKind.EXHAUSTED, organization_id="acme", fact="report#1", at=NOW, data={}
    )
    waiting = replace(notice, check_at=NOW + timedelta(days=1000))
    assert "forget_at" not in stored(notice)
    assert "forget_at" not in stored(waiting)
    passed_on = stored(notice.done(mailed_at=None))
    assert passed_on["forget_at"] == {"N": str(int((NOW + KEPT).timestamp()))}


def test_a_day_of_purchases_is_forgotten_long_after_it_is_over() -> None:
    day = stored(PurchaseDay(organization_id="acme", day="2026-11-23", charged_nanos=1, version=1))
    midnight = datetime(2026, 11, 23, tzinfo=UTC)
    assert day["forget_at"] == {"N": str(int((midnight + KEPT).timestamp()))}


def test_nothing_else_can_be_forgotten() -> None:
    forgetful = {name for name, model in MODELS.items() if "forget_at" in model.get_attributes()}
    assert forgetful == FORGETFUL

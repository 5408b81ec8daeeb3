"""What is remembered of a request by its key: what it said, who is at it, what it was answered."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import timedelta

import pytest

from chalicelib.domain.errors import RequestInProgressError
from chalicelib.domain.request import Answer, IdempotentRequest
from chalicelib.domain.write import Write
from chalicelib.usecases.idempotency import Answers, digest_of, in_progress
from tests.fakes.repositories import FakeLedger, FakeRequests
from tests.fakes.store import Store
from tests.fakes.values import NOW, ORG

FIRST = IdempotentRequest(
    organization_id=ORG,
    operation="buy",
    key="a",
    digest="d",
    subject_id="pur_1",
    started_at=NOW,
)
SECOND = timedelta(seconds=1)


def answers(*kept: IdempotentRequest) -> Answers:
    ledger, requests = FakeLedger(store := Store()), FakeRequests(store)
    for request in kept:
        ledger.commit(Write(organization_id=ORG, at=NOW, saves=(request,)))
    return Answers(ledger, requests)


def test_a_digest_is_of_the_shortest_json_in_the_order_of_names() -> None:
    # Digests are kept for ever: whatever made them has to make the same ones of the same content.
    text = '{"amount":"5.00","items":[1,{"k":null,"ä":true}]}'
    content = {"items": [1, {"ä": True, "k": None}], "amount": "5.00"}
    assert digest_of(content) == hashlib.sha256(text.encode()).hexdigest()


def test_a_request_is_somebodys_work_for_45_seconds_and_then_anybodys() -> None:
    assert FIRST.at_work(NOW + 44.999 * SECOND)
    assert not FIRST.at_work(NOW + 45 * SECOND)
    assert not FIRST.answered(Answer(status=201, body={})).at_work(NOW)


def test_whoever_takes_over_has_the_same_time_as_the_first() -> None:
    mine = FIRST.taken_over(NOW + 60 * SECOND)
    assert (mine.started_at, mine.version) == (NOW + 60 * SECOND, 2)
    assert mine.at_work(NOW + 104 * SECOND)


def test_a_request_is_begun_once_it_is_kept() -> None:
    assert answers(FIRST).begun(FIRST)
    assert not answers().begun(FIRST)
    assert not answers(FIRST).begun(replace(FIRST, key="b"))


def test_the_answer_that_was_kept_first_is_the_one_that_all_get() -> None:
    first, second = Answer(status=201, body={"id": 1}), Answer(status=201, body={"id": 2})
    both = answers(FIRST)
    assert both.keep(FIRST, first, now=NOW) == first
    assert both.keep(FIRST, second, now=NOW) == first


def test_whoever_was_overtaken_before_there_is_an_answer_waits() -> None:
    overtaken = answers(FIRST)
    assert overtaken.find(ORG, "buy", "a", "d", now=NOW + 60 * SECOND) == FIRST.taken_over(
        NOW + 60 * SECOND
    )
    with pytest.raises(RequestInProgressError):
        overtaken.keep(FIRST, Answer(status=201, body={}), now=NOW + 61 * SECOND)


def test_who_has_to_wait_is_told_how_long() -> None:
    assert in_progress().retry_after_seconds == 2

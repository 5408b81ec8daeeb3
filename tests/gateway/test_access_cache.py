"""The access cache: how old an answer may be, and what events change."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Any

import pytest

from gateway.access import AccessCache
from gateway.service import Access, ServiceRefusalError, ServiceUnavailableError
from tests.gateway.fakes import FakeService, FakeTime, exhausted_event, refusal, restored_event


@dataclass
class Desk:
    service: FakeService = field(default_factory=lambda: FakeService({"acme": 10}))
    time: FakeTime = field(default_factory=FakeTime)

    def __post_init__(self) -> None:
        self.cache = AccessCache(
            self.service, clock=self.time.clock, fresh_seconds=5, stale_seconds=30
        )

    def allowed(self) -> bool:
        return self.cache.check("acme").allowed

    @property
    def asked(self) -> int:
        return self.service.asked["access"]


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_an_answer_serves_while_it_is_fresh_and_no_longer(desk: Desk) -> None:
    assert desk.allowed()
    desk.service.available_nanos["acme"] = 0
    desk.time.pass_by(5)
    assert desk.allowed()
    assert desk.asked == 1
    desk.time.pass_by(0.1)
    assert not desk.allowed()
    assert desk.asked == 2


def test_while_the_service_is_down_an_old_answer_serves_up_to_its_bound(desk: Desk) -> None:
    assert desk.allowed()
    desk.service.down = True
    desk.time.pass_by(30)
    assert desk.allowed()
    desk.time.pass_by(0.1)
    with pytest.raises(ServiceUnavailableError):
        desk.cache.check("acme")


def test_nobody_is_allowed_who_was_never_asked_about(desk: Desk) -> None:
    desk.service.down = True
    with pytest.raises(ServiceUnavailableError):
        desk.cache.check("acme")


def test_after_exhausted_calls_are_refused_at_once(desk: Desk) -> None:
    assert desk.allowed()
    assert desk.cache.apply_event(exhausted_event("acme", "evt_2"))
    assert not desk.allowed()
    assert desk.asked == 1


def test_after_restored_the_next_call_asks(desk: Desk) -> None:
    desk.service.available_nanos["acme"] = 0
    assert not desk.allowed()
    desk.service.available_nanos["acme"] = 10
    assert not desk.allowed()
    assert desk.cache.apply_event(restored_event("acme", "evt_2"))
    assert desk.allowed()


def test_an_event_in_eventbridges_wrapping_is_understood(desk: Desk) -> None:
    detail = exhausted_event("acme", "evt_2")
    assert desk.cache.apply_event({"source": "gateway-credits", "detail": detail})
    assert not desk.allowed()


def test_an_older_event_that_comes_later_changes_nothing(desk: Desk) -> None:
    assert desk.cache.apply_event(restored_event("acme", "evt_5"))
    assert desk.allowed()
    assert not desk.cache.apply_event(exhausted_event("acme", "evt_4"))
    assert not desk.cache.apply_event(restored_event("acme", "evt_5"))
    assert desk.allowed()


@pytest.mark.parametrize("event", [{"type": "purchase.succeeded"}, {"detail": {"type": "x"}}, {}])
def test_other_events_do_not_matter(desk: Desk, event: dict[str, Any]) -> None:
    assert not desk.cache.apply_event(event)


def test_an_event_is_not_overwritten_by_an_answer_from_before_it() -> None:
    desk = Desk()

    class Slow(FakeService):
        def access(self, organization_id: str) -> Access:
            answer = super().access(organization_id)
            desk.cache.apply_event(exhausted_event("acme", "evt_9"))
            return answer

    desk.service = Slow({"acme": 10})
    desk.cache = AccessCache(desk.service, clock=desk.time.clock, fresh_seconds=5, stale_seconds=30)
    assert desk.allowed(), "the answer that the first caller got"
    assert not desk.allowed(), "what is known since"


def test_callers_at_once_ask_once() -> None:
    asked = threading.Event()
    answer = threading.Event()

    class Slow(FakeService):
        def access(self, organization_id: str) -> Access:
            asked.set()
            answer.wait(10)
            return super().access(organization_id)

    desk = Desk(service=Slow({"acme": 10}))
    allowed: list[bool] = []
    threads = [threading.Thread(target=lambda: allowed.append(desk.allowed())) for _ in range(20)]
    for thread in threads:
        thread.start()
    assert asked.wait(10)
    answer.set()
    for thread in threads:
        thread.join()
    assert allowed == [True] * 20
    assert desk.asked == 1


def test_whoever_has_an_answer_that_serves_does_not_wait_for_another() -> None:
    asked = threading.Event()
    answer = threading.Event()

    class Slow(FakeService):
        def access(self, organization_id: str) -> Access:
            known = super().access(organization_id)
            if self.asked["access"] > 1:
                asked.set()
                answer.wait(10)
            return known

    desk = Desk(service=Slow({"acme": 10}))
    assert desk.allowed()
    desk.time.pass_by(6)
    slow = threading.Thread(target=desk.allowed)
    slow.start()
    assert asked.wait(10)
    assert desk.allowed(), "by the answer of six seconds ago"
    answer.set()
    slow.join()


def test_a_gateway_that_is_refused_learns_why(desk: Desk) -> None:
    class Refusing(FakeService):
        def access(self, organization_id: str) -> Access:
            raise refusal(403, "forbidden")

    desk.cache = AccessCache(Refusing(), clock=desk.time.clock, fresh_seconds=5, stale_seconds=30)
    with pytest.raises(ServiceRefusalError, match="403 forbidden"):
        desk.cache.check("acme")


def test_only_so_many_organizations_are_remembered(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.access._REMEMBERED", 3)
    for organization_id in ("a", "b", "c", "a", "d"):
        desk.cache.check(organization_id)
    assert desk.asked == 4
    desk.cache.check("a")
    assert desk.asked == 4
    desk.cache.check("b")
    assert desk.asked == 5

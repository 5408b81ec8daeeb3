"""The policy of auto top-up, as the value that decides: every reason, and every limit."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.account import Account
from chalicelib.domain.topup import (
    ATTEMPTS_PER_CARD,
    BACK_OFF,
    HARD_DECLINES,
    Decision,
    FailedAttempt,
    TopUp,
    TopUpStatus,
    month_of,
    next_month,
)
from tests.fakes.values import NOW, ORG, failure, usd

ORDER = TopUp(
    organization_id=ORG,
    enabled=True,
    threshold_nanos=usd("10.00"),
    amount_nanos=usd("25.00"),
    monthly_limit_nanos=usd("60.00"),
    version=1,
)
LAST_OF_NOVEMBER = datetime(2026, 11, 30, 23, 59, 59, 999999, tzinfo=UTC)
FIRST_OF_DECEMBER = datetime(2026, 12, 1, tzinfo=UTC)


def account(available: str) -> Account:
    return Account(organization_id=ORG, available_nanos=usd(available))


def opened(top_up: TopUp, *, now: datetime = NOW, fingerprint: str = "fp") -> TopUp:
    return top_up.opened(
        "pur_1", charge_nanos=top_up.amount_nanos, fingerprint=fingerprint, now=now
    )


def declined(
    top_up: TopUp, decline_code: str | None = "insufficient_funds", *, now: datetime = NOW
) -> TopUp:
    return opened(top_up, now=now).failed(
        "pur_1",
        failure(decline_code),
        charge_nanos=top_up.amount_nanos,
        now=now,
    )


def succeeded(top_up: TopUp, *, now: datetime = NOW) -> TopUp:
    taken = opened(top_up, now=now)
    return taken.succeeded("pur_1", charge_nanos=top_up.amount_nanos, claimed_at=now)


@pytest.mark.parametrize(
    ("top_up", "available", "decision"),
    [
        (ORDER, "9.999999999", Decision.CHARGE),
        (ORDER, "-100.00", Decision.CHARGE),
        (ORDER, "10.00", Decision.NOT_DUE),
        (replace(ORDER, enabled=False), "0.00", Decision.OFF),
        (replace(ORDER, threshold_nanos=0), "0.00", Decision.NOT_DUE),
        (replace(ORDER, threshold_nanos=0), "-0.000000001", Decision.CHARGE),
        (opened(ORDER), "0.00", Decision.ALREADY_OPEN),
        (opened(ORDER).needs_action("pur_1"), "0.00", Decision.ALREADY_OPEN),
        (declined(ORDER), "0.00", Decision.WAIT),
        (declined(ORDER, "lost_card"), "0.00", Decision.PAUSED),
        (ORDER.stopped(failure(), now=NOW), "0.00", Decision.PAUSED),
        (replace(ORDER, monthly_limit_nanos=usd("24.99")), "0.00", Decision.LIMIT_REACHED),
        (replace(ORDER, monthly_limit_nanos=usd("25.00")), "0.00", Decision.CHARGE),
        (replace(ORDER, monthly_limit_nanos=0), "0.00", Decision.LIMIT_REACHED),
        (replace(ORDER, monthly_limit_nanos=None), "0.00", Decision.CHARGE),
        (succeeded(succeeded(ORDER)), "0.00", Decision.LIMIT_REACHED),
    ],
)
def test_each_hint_is_decided_on_for_one_reason(
    top_up: TopUp, available: str, decision: Decision
) -> None:
    assert top_up.decide(account(available), now=NOW) is decision


def test_what_is_well_is_not_told_to_be_stopped() -> None:
    """An account above its threshold is not due, whatever else is the matter."""
    for top_up in (opened(ORDER), declined(ORDER, "lost_card"), succeeded(succeeded(ORDER))):
        assert top_up.decide(account("10.00"), now=NOW) is Decision.NOT_DUE


def test_soft_declines_back_off_longer_each_time_and_the_fourth_pauses() -> None:
    top_up, now = ORDER, NOW
    for wait in (timedelta(hours=1), timedelta(hours=2), timedelta(hours=4)):
        top_up = declined(top_up, now=now)
        assert top_up.status is TopUpStatus.BACKING_OFF
        assert top_up.retry_at == top_up.check_at == now + wait
        too_early = now + wait - timedelta(microseconds=1)
        assert top_up.decide(account("0.00"), now=too_early) is Decision.WAIT
        now += wait
        assert top_up.decide(account("0.00"), now=now) is Decision.CHARGE
    top_up = declined(top_up, now=now)
    assert top_up.status is TopUpStatus.PAUSED
    assert top_up.check_at is None, "nothing but a person brings it back"


@pytest.mark.parametrize("decline_code", sorted(HARD_DECLINES))
def test_a_hard_decline_pauses_at_once(decline_code: str) -> None:
    assert declined(ORDER, decline_code).status is TopUpStatus.PAUSED


@pytest.mark.parametrize(
    "code", ["lost_card", "stolen_card", "fraudulent", "pickup_card", "expired_card"]
)
def test_the_declines_that_the_design_names_are_hard(code: str) -> None:
    assert code in HARD_DECLINES


def test_an_expired_card_pauses_whichever_member_says_so() -> None:
    told = failure(None, code="expired_card")
    top_up = opened(ORDER).failed("pur_1", told, charge_nanos=usd("25.00"), now=NOW)
    assert top_up.status is TopUpStatus.PAUSED


def test_an_outage_counts_for_nothing_and_gives_the_months_room_back() -> None:
    before = succeeded(ORDER)
    after = opened(before).failed("pur_1", None, charge_nanos=usd("25.00"), now=NOW)
    assert (after.declines_in_a_row, after.last_failure, after.retry_at) == (0, None, None)
    assert after.month_spent_nanos == before.month_spent_nanos
    assert after.decide(account("0.00"), now=NOW) is Decision.CHARGE


def test_a_success_forgives_the_declines_before_it() -> None:
    top_up = succeeded(declined(declined(ORDER)))
    assert top_up.status is TopUpStatus.IDLE
    assert (top_up.last_failure, top_up.retry_at, top_up.check_at) == (None, None, None)
    assert declined(top_up).retry_at == NOW + BACK_OFF[0]


def test_another_purchase_frees_nothing() -> None:
    taken = opened(ORDER)
    others = (
        taken.succeeded("pur_9", charge_nanos=0, claimed_at=NOW),
        taken.failed("pur_9", failure(), charge_nanos=usd("25.00"), now=NOW),
        taken.needs_action("pur_9"),
    )
    for other in others:
        assert replace(other, version=taken.version) == taken
        assert other.version == taken.version + 1, "each save is a version"


def test_an_open_charge_is_looked_after_by_its_purchase_alone() -> None:
    top_up = opened(declined(ORDER), now=NOW + BACK_OFF[0])
    assert (top_up.retry_at, top_up.check_at) == (None, None)
    given_up = top_up.failed("pur_1", None, charge_nanos=usd("25.00"), now=NOW)
    assert given_up.status is TopUpStatus.IDLE, "nothing is left of a back-off that is over"


def test_the_next_charge_does_not_ask_for_the_customer_since_the_last_one_did() -> None:
    asked, charged = opened(ORDER).needs_action("pur_1"), usd("25.00")
    for ended in (
        asked.succeeded("pur_1", charge_nanos=charged, claimed_at=NOW),
        asked.failed("pur_1", None, charge_nanos=charged, now=NOW),
    ):
        assert opened(ended).status is TopUpStatus.CHARGING
        assert not ended.action_required


def test_a_card_ends_a_pause_or_a_back_off_if_it_was_agreed_to_after_it_began() -> None:
    later = NOW + timedelta(microseconds=1)
    for trouble in (
        declined(ORDER),
        declined(ORDER, "lost_card"),
        ORDER.stopped(failure(), now=NOW),
    ):
        assert trouble.waits_for_card_of(later)
        assert not trouble.waits_for_card_of(NOW)
    assert replace(ORDER, paused=True).waits_for_card_of(NOW), "nothing says when it began"
    assert not ORDER.waits_for_card_of(later)
    assert not succeeded(declined(ORDER)).waits_for_card_of(later)


def test_a_slot_that_is_taken_is_not_opened() -> None:
    with pytest.raises(ValueError, match="open"):
        opened(opened(ORDER))


def test_the_customer_is_asked_only_while_the_slot_is_taken() -> None:
    asked = opened(ORDER).needs_action("pur_1")
    assert asked.status is TopUpStatus.ACTION_REQUIRED
    assert asked.succeeded("pur_1", charge_nanos=0, claimed_at=NOW).status is TopUpStatus.IDLE
    gone = asked.failed("pur_1", None, charge_nanos=0, now=NOW)
    assert (gone.status, gone.action_required) == (TopUpStatus.IDLE, False)


def test_a_new_month_has_new_room_from_its_first_moment_in_utc() -> None:
    full = succeeded(succeeded(ORDER, now=LAST_OF_NOVEMBER), now=LAST_OF_NOVEMBER)
    assert full.decide(account("0.00"), now=LAST_OF_NOVEMBER) is Decision.LIMIT_REACHED
    assert full.decide(account("0.00"), now=FIRST_OF_DECEMBER) is Decision.CHARGE
    december_in_tokyo = FIRST_OF_DECEMBER.replace(tzinfo=timezone(timedelta(hours=9)))
    assert full.decide(account("0.00"), now=december_in_tokyo) is Decision.LIMIT_REACHED
    assert next_month(LAST_OF_NOVEMBER) == FIRST_OF_DECEMBER
    assert next_month(FIRST_OF_DECEMBER) == datetime(2027, 1, 1, tzinfo=UTC)


def test_a_clock_that_is_behind_does_not_bring_the_last_months_room_back() -> None:
    full = succeeded(succeeded(ORDER, now=FIRST_OF_DECEMBER), now=FIRST_OF_DECEMBER)
    assert full.decide(account("0.00"), now=LAST_OF_NOVEMBER) is Decision.LIMIT_REACHED


def test_a_charge_that_fails_in_the_next_month_gives_its_own_months_room_back() -> None:
    taken = opened(ORDER, now=LAST_OF_NOVEMBER)
    freed = taken.failed(
        "pur_1",
        failure(),
        charge_nanos=usd("25.00"),
        now=FIRST_OF_DECEMBER,
    )
    assert freed.spent_in("2026-11") == 0
    assert freed.spent_in("2026-12") == 0


def test_room_that_was_claimed_by_a_clock_that_is_behind_is_given_back_as_well() -> None:
    december = succeeded(ORDER, now=FIRST_OF_DECEMBER)
    behind = opened(december, now=LAST_OF_NOVEMBER)
    freed = behind.failed("pur_1", None, charge_nanos=usd("25.00"), now=LAST_OF_NOVEMBER)
    assert freed.spent_in("2026-12") == usd("25.00"), "the one charge that was made"


def test_a_charge_given_up_that_went_through_after_all_counts_for_its_month() -> None:
    given_up = opened(ORDER).failed("pur_1", None, charge_nanos=usd("25.00"), now=NOW)
    late = given_up.succeeded("pur_1", charge_nanos=usd("25.00"), claimed_at=NOW)
    assert late.spent_in(month_of(NOW)) == usd("25.00")


def test_a_charge_of_the_last_month_that_went_through_late_takes_no_room_of_this_one() -> None:
    given_up = opened(ORDER, now=LAST_OF_NOVEMBER).failed(
        "pur_1",
        None,
        charge_nanos=usd("25.00"),
        now=FIRST_OF_DECEMBER,
    )
    december = succeeded(given_up, now=FIRST_OF_DECEMBER)
    late = december.succeeded("pur_0", charge_nanos=usd("25.00"), claimed_at=LAST_OF_NOVEMBER)
    assert late.spent_in("2026-12") == usd("25.00")


def test_tax_needs_room_too() -> None:
    tight = replace(ORDER, monthly_limit_nanos=usd("29.75"))
    assert tight.has_room(usd("29.75"), now=NOW)
    assert not tight.has_room(usd("29.750000001"), now=NOW)
    assert tight.opened(
        "pur_1", charge_nanos=usd("29.75"), fingerprint="fp", now=NOW
    ).month_spent_nanos == usd("29.75")


def test_a_card_is_not_tried_more_than_fifteen_times_in_thirty_days() -> None:
    top_up, now = ORDER, NOW
    for number in range(ATTEMPTS_PER_CARD):
        assert not top_up.worn_out("fp", now=now), number
        top_up = declined(top_up, now=now)
        now += timedelta(days=1)
    assert top_up.worn_out("fp", now=now)
    assert not top_up.worn_out("fp of another card", now=now)
    assert top_up.worn_out("fp", now=NOW + timedelta(days=30) - timedelta(microseconds=1))
    assert not top_up.worn_out("fp", now=NOW + timedelta(days=30))


def test_attempts_of_long_ago_are_not_kept() -> None:
    old = opened(ORDER, fingerprint="old")
    freed = old.succeeded("pur_1", charge_nanos=0, claimed_at=NOW)
    later = opened(freed, now=NOW + timedelta(days=31), fingerprint="new")
    assert set(later.attempts) == {"new"}


def test_a_decline_is_told_with_its_charge_until_a_person_acts() -> None:
    top_up = declined(ORDER)
    assert top_up.last_failure == FailedAttempt(failure=failure(), purchase_id="pur_1", at=NOW)
    assert top_up.resumed().last_failure is None


def test_saving_the_settings_ends_a_back_off_and_begins_it_anew() -> None:
    saved = declined(declined(ORDER)).configured(
        enabled=True,
        threshold_nanos=usd("1.00"),
        amount_nanos=usd("5.00"),
        monthly_limit_nanos=usd("7.00"),
        by="ada",
        at=NOW,
    )
    assert (saved.threshold_nanos, saved.amount_nanos, saved.monthly_limit_nanos) == (
        usd("1.00"),
        usd("5.00"),
        usd("7.00"),
    )
    assert (saved.retry_at, saved.check_at) == (None, None)
    assert declined(saved).retry_at == NOW + BACK_OFF[0]


def test_what_stops_it_is_told_and_nothing_is_tried_until_a_person_acts() -> None:
    top_up = declined(ORDER).stopped(failure(code="no_payment_method"), now=NOW)
    told = FailedAttempt(failure=failure(code="no_payment_method"), purchase_id=None, at=NOW)
    assert top_up.last_failure == told
    assert (top_up.retry_at, top_up.check_at) == (None, None)


def test_it_is_looked_after_from_its_time_on() -> None:
    postponed = ORDER.postponed(NOW)
    assert not postponed.overdue(NOW - timedelta(microseconds=1))
    assert postponed.overdue(NOW)
    assert not postponed.rested().overdue(NOW)


def test_saving_the_settings_resumes_and_keeps_the_mandate() -> None:
    saved = declined(ORDER, "lost_card").configured(
        enabled=True,
        threshold_nanos=usd("1.00"),
        amount_nanos=usd("5.00"),
        monthly_limit_nanos=None,
        by="ada",
        at=NOW,
    )
    assert saved.status is TopUpStatus.IDLE
    assert (saved.enabled_by, saved.enabled_at) == ("ada", NOW)
    off = saved.configured(
        enabled=False,
        threshold_nanos=0,
        amount_nanos=0,
        monthly_limit_nanos=None,
        by="bob",
        at=NOW,
    )
    assert (off.enabled, off.enabled_by, off.enabled_at) == (False, None, None)


def test_saving_the_settings_keeps_the_open_slot_the_months_sum_and_the_attempts() -> None:
    taken = opened(succeeded(ORDER))
    saved = taken.configured(
        enabled=True,
        threshold_nanos=0,
        amount_nanos=usd("25.00"),
        monthly_limit_nanos=usd("60.00"),
        by="ada",
        at=NOW,
    )
    assert saved.open_purchase_id == "pur_1"
    assert saved.month_spent_nanos == usd("50.00")
    assert saved.attempts == taken.attempts
    assert saved.decide(account("-1.00"), now=NOW) is Decision.ALREADY_OPEN


MOVES = st.lists(
    st.tuples(
        st.sampled_from(["charge", "success", "decline", "outage", "sweep", "late success"]),
        st.timedeltas(min_value=timedelta(minutes=-5), max_value=timedelta(days=12)),
        st.sampled_from(["lost_card", "insufficient_funds", "generic_decline"]),
    ),
    max_size=60,
)


@given(moves=MOVES, limit=st.integers(1, 5))
def test_whatever_happens_the_months_limit_is_kept_and_nothing_resumes_by_itself(
    moves: list[tuple[str, timedelta, str]], limit: int
) -> None:
    """Charges, declines and outages in any order, over months, with clocks that go back a bit."""
    amount = usd("25.00")
    top_up = replace(ORDER, monthly_limit_nanos=limit * amount)
    now, latest = NOW, NOW
    charged: dict[str, int] = {}
    claimed_at = NOW
    for number, (move, passed, decline_code) in enumerate(moves):
        now += passed
        latest = max(latest, now)
        paused = top_up.paused
        version = top_up.version
        purchase_id = top_up.open_purchase_id
        if move in {"charge", "sweep"}:
            if top_up.decide(account("0.00"), now=now) is Decision.CHARGE:
                assert not paused, "it resumed by itself"
                claimed_at = now
                top_up = top_up.opened(
                    f"pur_{number}", charge_nanos=amount, fingerprint="fp", now=now
                )
                charged[top_up.month] = charged.get(top_up.month, 0) + amount
                assert charged[top_up.month] <= limit * amount
        elif purchase_id is None:
            continue
        elif move in {"success", "late success"}:
            top_up = top_up.succeeded(purchase_id, charge_nanos=amount, claimed_at=claimed_at)
        else:
            month, told = top_up.month, None if move == "outage" else failure(decline_code)
            top_up = top_up.failed(purchase_id, told, charge_nanos=amount, now=now)
            charged[month] = top_up.month_spent_nanos
        assert top_up.paused >= paused, "only a person resumes it"
        assert top_up.month_spent_nanos >= 0
        assert version <= top_up.version <= version + 1


@pytest.mark.parametrize(
    ("changes", "check_at"),
    [({}, NOW), ({"enabled": False}, None), ({"paused": True}, None)],
)
def test_what_was_not_tried_is_looked_at_again_at_once_unless_nobody_may_charge(
    changes: dict[str, bool], check_at: datetime | None
) -> None:
    taken = replace(opened(ORDER), **changes)  # type: ignore[arg-type]
    assert taken.failed("pur_1", None, charge_nanos=usd("25.00"), now=NOW).check_at == check_at

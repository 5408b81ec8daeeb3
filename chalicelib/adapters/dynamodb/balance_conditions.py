"""What a write asks of the account's balance, as conditions of DynamoDB.

They say of the stored row what `Cover.holds` and `crossing.news_of` say of an account.
"""

from __future__ import annotations

from pynamodb.expressions.condition import Condition

from chalicelib.adapters.dynamodb.models import AccountModel
from chalicelib.domain.crossing import News
from chalicelib.domain.notices import NoticeKind
from chalicelib.domain.write import Cover, Write


def balance_conditions(write: Write) -> list[Condition]:
    """The conditions that the write's cover and its news are."""
    change_nanos = write.available_nanos
    conditions: list[Condition] = []
    if write.cover is not Cover.NONE:
        conditions.append(_covered(write.cover, -change_nanos))
    if write.news is not None and change_nanos > 0:
        conditions.append(_restored(write.news, change_nanos))
    if write.news is not None and change_nanos < 0:
        conditions.append(_exhausted(write.news, -change_nanos, write.cover))
        if write.cover is not Cover.AMPLE or NoticeKind.LOW_BALANCE in write.news:
            # What leaves the headroom ample doesn't take the account below its floor.
            conditions.append(_low(write.news, -change_nanos))
    return conditions


def _covered(cover: Cover, spent_nanos: int) -> Condition:
    serves: Condition = AccountModel.suspended.does_not_exist() | (AccountModel.suspended == False)  # noqa: E712 - an expression
    nobody_needs_to_act: Condition = AccountModel.headroom >= spent_nanos
    not_below_zero: Condition = AccountModel.available >= spent_nanos
    if cover is Cover.AMPLE:
        return serves & nobody_needs_to_act
    if cover is Cover.COVERED:
        return serves & not_below_zero
    if cover is Cover.FUNDED:
        return not_below_zero
    never_credited: Condition = AccountModel.available.does_not_exist()
    below_zero: Condition = AccountModel.available < spent_nanos
    return never_credited | below_zero


def _exhausted(news: News, spent_nanos: int, cover: Cover) -> Condition:
    had_something: Condition = AccountModel.available > 0
    something_is_left: Condition = AccountModel.available > spent_nanos
    nothing_is_left: Condition = AccountModel.available <= spent_nanos
    if NoticeKind.EXHAUSTED in news:
        return had_something & nothing_is_left
    if cover is Cover.AMPLE:
        # It had enough, so it had something.
        return something_is_left
    return something_is_left | _had_nothing()


def _restored(news: News, gained_nanos: int) -> Condition:
    had_something: Condition = AccountModel.available > 0
    owed_as_much: Condition = AccountModel.available <= -gained_nanos
    owed_less: Condition = AccountModel.available > -gained_nanos
    never_credited: Condition = AccountModel.available.does_not_exist()
    if NoticeKind.RESTORED in news:
        return never_credited | (_had_nothing() & owed_less)
    return had_something | owed_as_much


def _low(news: News, spent_nanos: int) -> Condition:
    has_a_floor: Condition = AccountModel.floor > 0
    was_above: Condition = AccountModel.headroom >= 0
    is_below: Condition = AccountModel.headroom < spent_nanos
    if NoticeKind.LOW_BALANCE in news:
        return has_a_floor & was_above & is_below
    has_none: Condition = AccountModel.floor.does_not_exist() | (AccountModel.floor == 0)
    was_below: Condition = AccountModel.headroom < 0
    stays_above: Condition = AccountModel.headroom >= spent_nanos
    return has_none | was_below | stays_above


def _had_nothing() -> Condition:
    never_credited: Condition = AccountModel.available.does_not_exist()
    used_up: Condition = AccountModel.available <= 0
    return never_credited | used_up

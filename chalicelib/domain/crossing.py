"""What a change of the balance means to others: it runs low, is used up, or is there again.

Which of that is true of a write depends on the balance at its very moment. So a write says what
it assumes, the database makes it only if that is so, and the news is saved with it: each is told
once for each time that it happens.
"""

from __future__ import annotations

from datetime import datetime

from chalicelib.domain.account import Account
from chalicelib.domain.notices import Notice, NoticeKind, exhausted, low_balance, restored

News = frozenset[NoticeKind]
NO_NEWS: News = frozenset()

_MAKERS = {
    NoticeKind.LOW_BALANCE: low_balance,
    NoticeKind.EXHAUSTED: exhausted,
    NoticeKind.RESTORED: restored,
}


def news_of(account: Account, change_nanos: int) -> News:
    """What becomes true when `available` changes by so much.

    Exhausted is who has nothing left, and restored who then has something again; low is who falls
    below a floor that is more than nothing.
    """
    before_nanos, after_nanos = account.available_nanos, account.available_nanos + change_nanos
    news = set()
    if before_nanos > 0 >= after_nanos:
        news.add(NoticeKind.EXHAUSTED)
    if before_nanos <= 0 < after_nanos:
        news.add(NoticeKind.RESTORED)
    if account.floor_nanos > 0 and before_nanos >= account.floor_nanos > after_nanos:
        news.add(NoticeKind.LOW_BALANCE)
    return frozenset(news)


def notices_of(
    news: News, account: Account, change_nanos: int, *, fact: str, at: datetime
) -> tuple[Notice, ...]:
    """The notices of a change of the account as it was before; `fact` is the entry's key."""
    after = account.plus(change_nanos)
    return tuple(make(after, fact=fact, at=at) for kind, make in _MAKERS.items() if kind in news)

"""The fake outbox: notices in the store, a bus and a postbox that remember what they took."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import cast

from chalicelib.domain.notices import Notice, NoticeFailedError
from tests.fakes.store import Place, Store, place_of


@place_of.register
def _(value: Notice) -> Place:
    return ("Notice", value.organization_id, value.name)


class FakeNotices:
    """The Notices port."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def get(self, organization_id: str, name: str) -> Notice | None:
        """See the port."""
        found = self._store.saved.get(("Notice", organization_id, name))
        return cast("Notice | None", found)

    def all(self) -> list[Notice]:
        """Every notice, oldest first; for tests."""
        found = cast("Iterable[Notice]", self._store.values("Notice"))
        return sorted(found, key=lambda notice: notice.created_at)

    def due(self, now: datetime, limit: int) -> Sequence[Notice]:
        """See the port."""
        due = [n for n in self.all() if n.check_at is not None and n.check_at <= now]
        return due[:limit]


@dataclass(slots=True)
class FakeEvents:
    """The Events port; it fails the next `failures` times."""

    published: list[Notice] = field(default_factory=list)
    failures: int = 0

    def publish(self, notice: Notice) -> None:
        """See the port."""
        if self.failures:
            self.failures -= 1
            raise NoticeFailedError("the bus is away")
        self.published.append(notice)

    def kinds(self) -> list[str]:
        """What was told, in order."""
        return [notice.kind.value for notice in self.published]


@dataclass(slots=True)
class FakeMail:
    """The Mail port; it fails the next `failures` times."""

    sent: list[tuple[str, Notice]] = field(default_factory=list)
    failures: int = 0

    def send(self, notice: Notice, *, to: str, name: str) -> None:
        """See the port."""
        if self.failures:
            self.failures -= 1
            raise NoticeFailedError("the postbox is away")
        self.sent.append((to, notice))

"""Laws 1 and 2: entries add up to the account, and nothing goes below zero by permission."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from simulation.observer import Change, Item, Observer, flag, number, text

if TYPE_CHECKING:
    from simulation.world import World

_CONSERVATION = "1 conservation"
_PERMISSION = "2 never below zero by permission"
_ENTRIES = "entries are never changed"
#: What is only done by permission, and what has happened already and may overdraw.
_PERMITTED = {"deduction", "hold"}
_TAKES = {"usage", "settlement", "refund", "dispute", "adjustment"}


class Balances:
    """Looks at what each write did to entries, accounts and holds."""

    def __init__(self, world: World, observer: Observer) -> None:
        self._world = world
        self._observer = observer
        self.total: Counter[str] = Counter()
        self.held: Counter[str] = Counter()
        self.remaining: Counter[str] = Counter()
        observer.listeners.append(self.look)

    def look(self, changes: list[Change]) -> None:
        """Check one write."""
        touched: dict[str, None] = {}
        for change in changes:
            if change.table == "ledger":
                self._entry(change)
                touched[text(change.after, "organization_id")] = None
            elif change.table == "holds":
                self._hold(change)
                touched[change.key[0]] = None
            elif change.table == "accounts":
                touched[change.key[0]] = None
        for organization_id in touched:
            self._account(organization_id, changes)

    def _entry(self, change: Change) -> None:
        if change.before is not None or change.after is None:
            self._world.violated(_ENTRIES, f"{change.key[0]} was changed")
            return
        entry = change.after
        organization_id = text(entry, "organization_id")
        self.total[organization_id] += number(entry, "amount")
        self.held[organization_id] += number(entry, "held")

    def _hold(self, change: Change) -> None:
        hold = change.after
        left = number(hold, "remaining")
        self.remaining[change.key[0]] += left - number(change.before, "remaining")
        if not 0 <= left <= number(hold, "amount"):
            self._world.violated(_CONSERVATION, f"{change.key[1]} has {left} left")
        if text(hold, "status") != "open" and left:
            self._world.violated(_CONSERVATION, f"{change.key[1]} has ended and still holds {left}")
        if change.before is not None and text(change.before, "status") != "open":
            self._world.violated(_CONSERVATION, f"{change.key[1]} had ended, and was changed")

    def _account(self, organization_id: str, changes: list[Change]) -> None:
        row = self._observer.table("accounts").get((organization_id,))
        available, held = number(row, "available"), number(row, "held")
        violated = self._world.violated
        if available + held != self.total[organization_id]:
            violated(
                _CONSERVATION,
                f"{organization_id} has {available} + {held} nano-dollars, its entries sum to "
                f"{self.total[organization_id]}",
            )
        if held != self.held[organization_id]:
            violated(
                _CONSERVATION,
                f"{organization_id} holds {held}, its entries say {self.held[organization_id]}",
            )
        if held != self.remaining[organization_id]:
            violated(
                _CONSERVATION,
                f"{organization_id} holds {held}, its open holds have "
                f"{self.remaining[organization_id]} left",
            )
        if number(row, "headroom") != available - number(row, "floor"):
            violated(_CONSERVATION, f"{organization_id}: headroom isn't available less the floor")
        self._permitted(organization_id, available, row, changes)

    def _permitted(
        self, organization_id: str, available: int, row: Item | None, changes: list[Change]
    ) -> None:
        del row
        own = [
            change.after
            for change in changes
            if change.table == "ledger"
            and change.after is not None
            and text(change.after, "organization_id") == organization_id
        ]
        if available >= 0:
            return
        for entry in own:
            kind = text(entry, "kind")
            took = number(entry, "amount") - number(entry, "held") < 0
            if kind in _PERMITTED and took:
                self._world.violated(
                    _PERMISSION,
                    f"{text(entry, 'entry_key')} left {organization_id} with {available}",
                )
        unsaid = [
            text(entry, "entry_key")
            for entry in own
            if text(entry, "kind") in _TAKES and number(entry, "amount") - number(entry, "held") < 0
        ]
        said = any(flag(entry, "overdrawn") for entry in own)
        if unsaid and not said:
            self._world.violated(
                _PERMISSION, f"{unsaid} took {organization_id} to {available} without saying so"
            )

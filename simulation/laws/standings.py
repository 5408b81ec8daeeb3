"""Standings: the suspended are neither served nor charged, and what is closed stays closed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulation.observer import Change, Item, Observer, flag, number, text
from simulation.scheduler import current_or_none

if TYPE_CHECKING:
    from simulation.world import World

_SERVED = "2 nothing is served while suspended"
_CHARGED = "4 nobody is charged while suspended"
_CLOSED = "8 what is closed stays closed"
_PERMITTED = {"deduction", "hold"}


class Standings:
    """Looks at what is begun for accounts that were suspended or closed."""

    def __init__(self, world: World, observer: Observer) -> None:
        self._world = world
        self._observer = observer
        #: Since when each account is suspended, and closed.
        self._since: dict[tuple[str, str], float] = {}
        observer.listeners.append(self.look)

    def look(self, changes: list[Change]) -> None:
        """Check one write."""
        before = {change.key[0]: change.before for change in changes if change.table == "accounts"}
        for change in changes:
            if change.table == "ledger" and text(change.after, "kind") in _PERMITTED:
                self._served(change, before)
            elif change.table == "purchases" and change.before is None:
                self._bought(change)
            elif change.table == "top_ups":
                self._charged(change)
            elif change.table == "accounts":
                self._changed(change)

    def settled(self) -> None:
        """At the end of a history: nothing is left of what was closed."""
        for (organization_id,), row in self._observer.table("accounts").items():
            if not flag(row, "closed"):
                continue
            if number(row, "available") > 0:
                self._world.violated(_CLOSED, f"{organization_id} has credits")
            order = self._observer.table("top_ups").get((organization_id,))
            if flag(order, "enabled") or text(order, "open_purchase_id"):
                self._world.violated(_CLOSED, f"{organization_id} is topped up")
            if cards := self._world.stripe.cards_of(organization_id):
                self._world.violated(_CLOSED, f"{organization_id} has cards: {cards}")

    def _served(self, change: Change, before: dict[str, Item | None]) -> None:
        entry = change.after
        organization_id = text(entry, "organization_id")
        if number(entry, "amount") - number(entry, "held") >= 0:
            return
        now = self._observer.table("accounts").get((organization_id,))
        if flag(before.get(organization_id, now), "suspended"):
            said = text(entry, "entry_key")
            self._world.violated(_SERVED, f"{said} was granted to {organization_id}")

    def _bought(self, change: Change) -> None:
        organization_id = change.key[0]
        automatic = text(change.after, "type") == "auto_top_up"
        if automatic and self._knew(organization_id, "suspended"):
            self._world.violated(_CHARGED, f"{organization_id} is charged for {change.key[1]}")
        if not automatic and self._knew(organization_id, "closed"):
            self._world.violated(_CLOSED, f"{organization_id} buys {change.key[1]}")

    def _charged(self, change: Change) -> None:
        account = self._observer.table("accounts").get((change.key[0],))
        began = text(change.after, "open_purchase_id") and not text(
            change.before, "open_purchase_id"
        )
        if flag(account, "closed") and (began or flag(change.after, "enabled")):
            self._world.violated(_CLOSED, f"{change.key[0]} is topped up")

    def _changed(self, change: Change) -> None:
        organization_id = change.key[0]
        if flag(change.before, "closed") and not flag(change.after, "closed"):
            self._world.violated(_CLOSED, f"{organization_id} is open again")
        for name in ("suspended", "closed"):
            if not flag(change.after, name):
                self._since.pop((organization_id, name), None)
            elif not flag(change.before, name):
                self._since[organization_id, name] = self._world.scheduler.now

    def _knew(self, organization_id: str, name: str) -> bool:
        """Whether the account was so when whoever acts began, so that they can know it."""
        since, actor = self._since.get((organization_id, name)), current_or_none()
        return since is not None and actor is not None and since < actor.began

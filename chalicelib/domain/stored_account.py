"""An account held against its ledger: what the entries add up to, and what the account says."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime

from chalicelib.domain.account import Account, Standing
from chalicelib.domain.holds import Hold
from chalicelib.domain.ledger import Entry, EntryKind
from chalicelib.domain.money import format_usd
from chalicelib.domain.topup import TopUp

#: An account is suspended and let go on in turn: each is only written after the other.
_SUSPENDS = {EntryKind.SUSPENSION: 1, EntryKind.RESUMPTION: -1}


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredAccount:
    """An account as it is stored, with what is stored twice: `headroom`, and the writes' count."""

    organization_id: str
    available_nanos: int = 0
    held_nanos: int = 0
    headroom_nanos: int = 0
    floor_nanos: int = 0
    tops_up: bool = False
    suspended: bool = False
    closed: bool = False
    low_since: datetime | None = None
    writes: int = 0
    last_write: str | None = None

    @property
    def account(self) -> Account:
        """What the other use cases know of it."""
        return Account(
            organization_id=self.organization_id,
            available_nanos=self.available_nanos,
            held_nanos=self.held_nanos,
            floor_nanos=self.floor_nanos,
            tops_up=self.tops_up,
            suspended=self.suspended,
            closed=self.closed,
            low_since=self.low_since,
        )

    def described(self) -> Mapping[str, object]:
        """Each number by its name, amounts in dollars."""
        found: dict[str, object] = {}
        for item in fields(self):
            value = getattr(self, item.name)
            if item.name.endswith("_nanos"):
                found[item.name.removesuffix("_nanos")] = format_usd(value)
            elif item.name not in {"organization_id", "low_since"}:
                found[item.name] = value
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedWrite:
    """The entries of a write, the first first; `missing` are keys that it names without entries."""

    entries: tuple[Entry, ...]
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class HistorySums:
    """What writes of an account's history add up to; `latest` is the last one's first entry.

    `suspensions` are those that weren't taken back: entries tell when they were begun, so the
    latest one needn't be the one that was written last. `missing` are the keys of entries that
    should be there and aren't.
    """

    available_nanos: int = 0
    held_nanos: int = 0
    writes: int = 0
    entries: int = 0
    latest: Entry | None = None
    suspensions: int = 0
    closed: bool = False
    missing: tuple[str, ...] = ()

    @property
    def standing(self) -> Standing:
        """What the operator lets the account do."""
        if self.closed:
            return Standing.CLOSED
        return Standing.SUSPENDED if self.suspensions > 0 else Standing.OPEN

    def plus(self, writes: Iterable[ListedWrite]) -> HistorySums:
        """The sums with those writes."""
        sums = self
        for listed in writes:
            write = listed.entries
            sums = HistorySums(
                available_nanos=sums.available_nanos + sum(e.available_nanos for e in write),
                held_nanos=sums.held_nanos + sum(e.held_nanos for e in write),
                writes=sums.writes + 1,
                entries=sums.entries + len(write),
                latest=_later(sums.latest, write[0]),
                suspensions=sums.suspensions + sum(_SUSPENDS.get(e.kind, 0) for e in write),
                closed=sums.closed or any(e.kind is EntryKind.CLOSURE for e in write),
                missing=(*sums.missing, *listed.missing),
            )
        return sums


def _later(known: Entry | None, other: Entry) -> Entry:
    return other if known is None else max(known, other, key=lambda e: e.id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """An account beside what it should be by its ledger and its standing order.

    `open_holds_nanos` is what the open holds have left, which should be what is held.
    """

    stored: StoredAccount | None
    expected: StoredAccount
    open_holds_nanos: int
    entries: int
    missing: tuple[str, ...] = ()

    @property
    def organization_id(self) -> str:
        """Whose account it is."""
        return self.expected.organization_id

    @property
    def account_in_line(self) -> bool:
        """Whether the account is what its ledger makes it."""
        return self._met == replace(self.expected, low_since=self._met.low_since)

    @property
    def holds_in_line(self) -> bool:
        """Whether the open holds have left what the ledger says is held."""
        return self.open_holds_nanos == self.expected.held_nanos

    @property
    def paid_after_closing(self) -> bool:
        """Whether the account was closed and has credits: closing it again sends them back."""
        return self.expected.closed and self.expected.available_nanos > 0

    @property
    def ledger_whole(self) -> bool:
        """Whether nothing shows that the ledger lost entries: what has, rebuilds no account."""
        counted = 0 if self.stored is None else self.stored.writes
        return not self.missing and counted <= self.expected.writes

    @property
    def in_line(self) -> bool:
        """Whether everything agrees."""
        return self.account_in_line and self.holds_in_line and not self.missing

    @property
    def faults(self) -> tuple[str, ...]:
        """The names of what doesn't agree: fields of the account, `entries`, `holds`."""
        kept = {"entries": self.ledger_whole, "holds": self.holds_in_line}
        return (*self._changed(), *(name for name, agrees in kept.items() if not agrees))

    @property
    def differences(self) -> Sequence[str]:
        """What doesn't agree, a sentence each."""
        found = [
            f"{name} is {before}, and {after} by the ledger"
            for name, (before, after) in self._changed().items()
        ]
        if not self.ledger_whole:
            found.append("the ledger lost entries: it must be restored before the account is")
        found += [f"the entry {key} is missing" for key in self.missing]
        if not self.holds_in_line:
            left, held = self.open_holds_nanos, self.expected.held_nanos
            found.append(
                f"open holds have {format_usd(left)} left, and {format_usd(held)} is held "
                "by the ledger"
            )
        return found

    @property
    def _met(self) -> StoredAccount:
        """The account as it was met; an empty one, where there is none."""
        return self.stored or StoredAccount(organization_id=self.organization_id)

    def _changed(self) -> Mapping[str, tuple[object, object]]:
        """What the account says and should say, where that differs, by name."""
        before, after = self._met.described(), self.expected.described()
        return {name: (before[name], after[name]) for name in after if before[name] != after[name]}

    def repaired(self, *, now: datetime) -> StoredAccount:
        """The account to store instead: if it is due for a top-up, the sweep looks after it."""
        low_since = self.stored.low_since if self.stored else None
        if self.expected.account.needs_top_up:
            low_since = low_since or now
        return replace(self.expected, low_since=low_since)


def comparison_of(
    stored: StoredAccount | None,
    sums: HistorySums,
    top_up: TopUp,
    holds: Sequence[Hold],
) -> Comparison:
    """Hold an account against what its ledger, its standing order and its holds say."""
    floor_nanos = top_up.threshold_nanos if top_up.enabled else 0
    # Which of two writes of one moment came last, only the account can tell.
    last_write = None if sums.latest is None else sums.latest.key
    if stored is not None and stored.writes == sums.writes:
        last_write = stored.last_write
    expected = StoredAccount(
        organization_id=top_up.organization_id,
        available_nanos=sums.available_nanos,
        held_nanos=sums.held_nanos,
        headroom_nanos=sums.available_nanos - floor_nanos,
        floor_nanos=floor_nanos,
        tops_up=top_up.enabled,
        suspended=sums.standing is not Standing.OPEN,
        closed=sums.standing is Standing.CLOSED,
        writes=sums.writes,
        last_write=last_write,
    )
    left_nanos = sum(hold.remaining_nanos for hold in holds)
    return Comparison(
        stored=stored,
        expected=expected,
        open_holds_nanos=left_nanos,
        entries=sums.entries,
        missing=sums.missing,
    )

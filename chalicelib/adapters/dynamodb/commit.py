"""Turning a Write into one DynamoDB transaction, and its cancellation into an outcome."""

from __future__ import annotations

from collections.abc import Callable
from functools import singledispatch
from typing import Any

from pynamodb.connection import Connection
from pynamodb.exceptions import CancellationReason, TransactWriteError
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action
from pynamodb.transactions import TransactWrite

from chalicelib.adapters.dynamodb.balance_conditions import balance_conditions
from chalicelib.adapters.dynamodb.codec import account_of, entry_of, entry_row, to_row
from chalicelib.adapters.dynamodb.connection import BUSY_ERRORS, code_of
from chalicelib.adapters.dynamodb.models import (
    DUE,
    AccountModel,
    CustomerModel,
    EntryModel,
    InvoiceModel,
    PurchaseModel,
    RequestModel,
    SequenceModel,
    TopUpModel,
)
from chalicelib.domain.account import Account, Standing
from chalicelib.domain.customer import Customer
from chalicelib.domain.errors import BusyError
from chalicelib.domain.numbering import InvoiceSequence, IssuedInvoice
from chalicelib.domain.purchase import Purchase
from chalicelib.domain.request import IdempotentRequest
from chalicelib.domain.topup import TopUp
from chalicelib.domain.write import (
    Committed,
    NotCovered,
    Outcome,
    Repeated,
    Stale,
    Write,
)
from chalicelib.ports import Pause

#: A failed condition answers with the row as it is, which says what to do without a read.
_TELL = "ALL_OLD"
_FAILED = "ConditionalCheckFailed"
#: Cancellations that say nothing but "not now".
_BUSY_REASONS = frozenset(
    {"TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"}
)
#: Ten tries with the pauses of a second's growth take about as long as a caller waits.
_ATTEMPTS = 10


class Committer:
    """Commits writes, and hands each that was committed to `observe`, once.

    The number of conflicts met is kept for the metrics.
    """

    def __init__(
        self,
        connection: Connection,
        pause: Pause,
        *,
        observe: Callable[[Write], None] | None = None,
    ) -> None:
        self._connection = connection
        self._pause = pause
        self._observe = observe
        self.conflicts = 0

    def commit(self, write: Write) -> Outcome:
        """See `ports.Ledger.commit`."""
        for attempt in range(_ATTEMPTS):
            try:
                self._transact(write)
            except TransactWriteError as error:
                if _is_busy(error):
                    self.conflicts += 1
                    self._pause(attempt)
                    continue
                return _outcome(write, error)
            if self._observe is not None:
                self._observe(write)
            return Committed()
        raise BusyError("The account is very busy; please try again.")

    def _transact(self, write: Write) -> None:
        # PynamoDB orders puts before updates, and so the reasons of a cancellation:
        # entries, saved values, account.
        with TransactWrite(connection=self._connection) as transaction:
            listed = write.listed
            for entry in write.entries:
                lists = bool(listed) and entry is listed[0]
                followers = [follower.key for follower in listed[1:]] if lists else None
                transaction.save(
                    entry_row(entry, followers=followers, lists=lists),
                    condition=EntryModel.entry_key.does_not_exist(),
                    return_values=_TELL,
                )
            for value in write.saves:
                transaction.save(to_row(value), condition=expected(value))
            if write.touches_account:
                transaction.update(
                    AccountModel(write.organization_id),
                    actions=_account_actions(write),
                    condition=_account_condition(write),
                    return_values=_TELL,
                )


def _account_actions(write: Write) -> list[Action]:
    # ADD makes a missing number, and a missing account, from zero.
    floor = write.floor
    raised = floor.to_nanos - floor.from_nanos if floor else 0
    actions: list[Action] = [
        AccountModel.available.add(write.available_nanos),
        AccountModel.headroom.add(write.available_nanos - raised),
        AccountModel.held.add(write.held_nanos),
    ]
    if write.listed:
        # What the roll-ups follow: the number of the write, and where its entries begin.
        actions.append(AccountModel.writes.add(1))
        actions.append(AccountModel.last_write.set(write.listed[0].key))
    if floor:
        actions.append(AccountModel.floor.set(floor.to_nanos))
        actions.append(AccountModel.tops_up.set(floor.tops_up))
    if write.standing:
        actions.append(AccountModel.suspended.set(write.standing.after is not Standing.OPEN))
        actions.append(AccountModel.closed.set(write.standing.after is Standing.CLOSED))
    if write.mark_low:
        actions.append(AccountModel.low.set(DUE))
        actions.append(AccountModel.low_since.set(write.at))
    if write.clear_low_since:
        actions.append(AccountModel.low.remove())
        actions.append(AccountModel.low_since.remove())
    return actions


def _account_condition(write: Write) -> Condition | None:
    conditions = balance_conditions(write)
    if write.floor:
        floor_as_read: Condition = AccountModel.floor == write.floor.from_nanos
        if write.floor.from_nanos == 0:
            floor_as_read = floor_as_read | AccountModel.floor.does_not_exist()
        conditions.append(floor_as_read)
        if write.floor.tops_up:
            conditions.append(_unset(AccountModel.closed))
    if write.standing:
        before = write.standing.before
        as_read = {True: _set, False: _unset}
        conditions.append(as_read[before is not Standing.OPEN](AccountModel.suspended))
        conditions.append(as_read[before is Standing.CLOSED](AccountModel.closed))
    if write.clear_low_since:
        mark_as_read = AccountModel.low_since == write.clear_low_since
        conditions.append(mark_as_read)
    joined: Condition | None = None
    for condition in conditions:
        joined = condition if joined is None else joined & condition
    return joined


def _set(flag: Any) -> Condition:
    is_set: Condition = flag == True  # noqa: E712 - an expression
    return is_set


def _unset(flag: Any) -> Condition:
    never_set: Condition = flag.does_not_exist()
    not_set: Condition = flag == False  # noqa: E712 - an expression
    return never_set | not_set


@singledispatch
def expected(value: object) -> Condition:
    """What must hold of the stored row for the value to take its place."""
    raise TypeError(f"{type(value).__name__} has no table")


def follows(model: Any, key: Any, version: int) -> Condition:
    """The stored version is the one before, or there is none yet."""
    condition: Condition = key.does_not_exist() if version == 1 else model.version == version - 1
    return condition


@expected.register
def _(value: Purchase) -> Condition:
    return follows(PurchaseModel, PurchaseModel.id, value.version)


@expected.register
def _(value: TopUp) -> Condition:
    unchanged = follows(TopUpModel, TopUpModel.organization_id, value.version)
    if value.open_purchase_id is None:
        return unchanged
    slot_free: Condition = TopUpModel.open_purchase_id.does_not_exist()
    slot_ours: Condition = TopUpModel.open_purchase_id == value.open_purchase_id
    return unchanged & (slot_free | slot_ours)


@expected.register
def _(value: Customer) -> Condition:
    return follows(CustomerModel, CustomerModel.organization_id, value.version)


@expected.register
def _(value: IdempotentRequest) -> Condition:
    return follows(RequestModel, RequestModel.request_key, value.version)


@expected.register
def _(value: IssuedInvoice) -> Condition:
    return follows(InvoiceModel, InvoiceModel.number, value.version)


@expected.register
def _(value: InvoiceSequence) -> Condition:
    if value.last == 1:
        return SequenceModel.name.does_not_exist()
    last_as_read: Condition = SequenceModel.last == value.last - 1
    return last_as_read


def _is_busy(error: TransactWriteError) -> bool:
    if code_of(error) == "TransactionCanceledException":
        codes = {reason.code for reason in error.cancellation_reasons if reason}
        # A failed condition is news even if another item was contended.
        return _FAILED not in codes and bool(codes) and codes <= _BUSY_REASONS
    return code_of(error) in BUSY_ERRORS


def _outcome(write: Write, error: TransactWriteError) -> Outcome:
    if code_of(error) is None:
        raise BusyError("The database can't be reached; please try again.") from error
    reasons = error.cancellation_reasons
    if not any(reason and reason.code == _FAILED for reason in reasons):
        raise error
    entries = reasons[: len(write.entries)]
    saves = reasons[len(write.entries) : len(write.entries) + len(write.saves)]
    present = [_stored_row(EntryModel, reason) for reason in entries if _failed(reason)]
    if present:
        found = [entry_of(row) for row in present]
        return Repeated(entries={entry.key: entry for entry in found})
    as_read = write.floor or write.standing or write.clear_low_since
    if any(_failed(reason) for reason in saves) or as_read:
        return Stale()
    account = reasons[-1]
    if account is None or not account.raw_item:
        return NotCovered(account=Account(organization_id=write.organization_id))
    return NotCovered(account=account_of(_stored_row(AccountModel, account)))


def _failed(reason: CancellationReason | None) -> bool:
    return reason is not None and reason.code == _FAILED


def _stored_row(model: Any, reason: CancellationReason | None) -> Any:
    if reason is None or reason.raw_item is None:
        raise TypeError("a failed condition came without the stored row")
    return model.from_raw_data(reason.raw_item)

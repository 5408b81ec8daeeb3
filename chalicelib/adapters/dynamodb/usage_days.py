"""The roll-ups in DynamoDB: a row per organization and day, and what doesn't fit into it beside.

A day's row has its numbers and its groups, so that a batch of writes costs one put. Groups beyond
the first dozens have rows of their own, which change in one transaction with the day's and only
with it: its version guards them, too. A group may have a part in each; it is their sum.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta

from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import DoesNotExist, PutError, TransactWriteError
from pynamodb.expressions.condition import Condition
from pynamodb.models import Model
from pynamodb.transactions import TransactWrite

from chalicelib.adapters.dynamodb import usage_codec as codec
from chalicelib.adapters.dynamodb.attributes import DataAttribute
from chalicelib.adapters.dynamodb.connection import code_of
from chalicelib.adapters.dynamodb.models import MODELS
from chalicelib.domain.errors import BusyError
from chalicelib.domain.usage_day import HistoryWrite, UsageDay, joined_groups
from chalicelib.domain.usage_sums import UsageSums
from chalicelib.ports import Pause

#: A row of about four kilobytes, and so four write units a batch.
GROUPS_IN_ROW = 64
#: A transaction has at most a hundred items, of which the day's row is one.
_MOST_BESIDE = 99
#: Only deliveries of one stream meet here, and each try that fails is another's success.
_ATTEMPTS = 20
_CONTENDED = frozenset({"ConditionalCheckFailedException", "TransactionConflictException"})
_CONTENDED_REASONS = frozenset({"ConditionalCheckFailed", "TransactionConflict", "ThrottlingError"})

#: A group beside a day: "p" for a project's or "m" for a model's, and its name.
Group = tuple[str, str]


class UsageDayModel(Model):
    """A day, whose `place` is the organization and whose `name` the day; or a group beside one."""

    class Meta:
        table_name = ""

    place = UnicodeAttribute(hash_key=True)
    name = UnicodeAttribute(range_key=True)
    data = DataAttribute()
    version = NumberAttribute(null=True)


MODELS["usage_days"] = UsageDayModel


class DynamoUsageDays:
    """The UsageDays port."""

    def __init__(self, pause: Pause) -> None:
        self._pause = pause

    def add(self, organization_id: str, day: date, writes: Sequence[HistoryWrite]) -> UsageDay:
        """See the port."""
        for attempt in range(_ATTEMPTS):
            row = _find(organization_id, day)
            before = _day_of(row, organization_id, day)
            after = before.with_writes(writes)
            if after is before:
                return before
            added = _added_groups(before, after)
            room = max(0, GROUPS_IN_ROW - len(before.projects) - len(before.models))
            if len(added) > room + _MOST_BESIDE and len(writes) > 1:
                middle = len(writes) // 2
                self.add(organization_id, day, writes[:middle])
                return self.add(organization_id, day, writes[middle:])
            # A single write that is too much for a transaction finds room in the row after all.
            beside = dict(added[max(room, len(added) - _MOST_BESIDE) :])
            saved = replace(_without(after, beside), version=before.version + 1)
            if _save(saved, beside, had_beside=row is not None and bool(row.data["x"])):
                return saved
            self._pause(attempt)
        raise BusyError("The day's usage is very busy.")

    def replace(self, day: UsageDay) -> bool:
        """See the port. All groups go into the row: a day that is over changes no more."""
        if not _save(day, {}, had_beside=False):
            return False
        with UsageDayModel.batch_write() as batch:
            for each in UsageDayModel.query(_place_beside(day), consistent_read=True):
                batch.delete(each)
        return True

    def days(self, organization_id: str, *, first: date, last: date) -> Sequence[UsageDay]:
        """See the port."""
        between = UsageDayModel.name.between(first.isoformat(), last.isoformat())
        rows = UsageDayModel.query(organization_id, between, consistent_read=True)
        return [_whole(row) for row in rows]

    def before(self, organization_id: str, day: date) -> UsageDay | None:
        """See the port."""
        until = (day - timedelta(days=1)).isoformat()
        rows = UsageDayModel.query(
            organization_id,
            UsageDayModel.name <= until,
            consistent_read=True,
            scan_index_forward=False,
            limit=1,
        )
        return next((_day_of(row, organization_id, day) for row in rows), None)


def _find(organization_id: str, day: date) -> UsageDayModel | None:
    try:
        return UsageDayModel.get(organization_id, day.isoformat(), consistent_read=True)
    except DoesNotExist:
        return None


def _day_of(row: UsageDayModel | None, organization_id: str, day: date) -> UsageDay:
    """The day in a row, or the empty one; without the groups beside it."""
    if row is None:
        return UsageDay(organization_id=organization_id, day=day)
    return codec.day_from(organization_id, row.name, row.data, version=int(row.version or 0))


def _whole(row: UsageDayModel) -> UsageDay:
    """The day in a row with the groups beside it."""
    day = codec.day_from(row.place, row.name, row.data, version=int(row.version or 0))
    if not row.data["x"]:
        return day
    beside: dict[str, dict[str, UsageSums]] = {"p": {}, "m": {}}
    for each in UsageDayModel.query(_place_beside(day), consistent_read=True):
        kind, _, name = each.name.partition(" ")
        beside[kind][name] = codec.sums_from(each.data)
    return replace(
        day,
        projects=joined_groups(day.projects, beside["p"]),
        models=joined_groups(day.models, beside["m"]),
    )


def _added_groups(before: UsageDay, after: UsageDay) -> list[tuple[Group, UsageSums]]:
    """The groups that the day's row doesn't have yet, with what was added to them."""
    return [
        ((kind, name), sums)
        for kind, was, now in (
            ("p", before.projects, after.projects),
            ("m", before.models, after.models),
        )
        for name, sums in now.items()
        if name not in was
    ]


def _without(day: UsageDay, beside: Mapping[Group, UsageSums]) -> UsageDay:
    return replace(
        day,
        projects={name: s for name, s in day.projects.items() if ("p", name) not in beside},
        models={name: s for name, s in day.models.items() if ("m", name) not in beside},
    )


def _save(day: UsageDay, beside: Mapping[Group, UsageSums], *, had_beside: bool) -> bool:
    """Save the day as the next version, and add what is beside it; False if another did so."""
    row = UsageDayModel(
        place=day.organization_id,
        name=day.day.isoformat(),
        data=codec.day_data(day, has_beside=had_beside or bool(beside)),
        version=day.version,
    )
    unchanged: Condition = (
        UsageDayModel.place.does_not_exist()
        if day.version == 1
        else UsageDayModel.version == day.version - 1
    )
    try:
        if not beside:
            row.save(condition=unchanged)
            return True
        with TransactWrite(connection=UsageDayModel._get_connection().connection) as transaction:
            transaction.save(row, condition=unchanged)
            for each in _added_beside(day, beside):
                transaction.save(each)
    except (PutError, TransactWriteError) as error:
        if not _is_contended(error):
            raise
        return False
    return True


def _added_beside(day: UsageDay, beside: Mapping[Group, UsageSums]) -> list[UsageDayModel]:
    """The rows of the groups with what is added to them."""
    place = _place_beside(day)
    names = {" ".join(group): sums for group, sums in beside.items()}
    keys = [(place, name) for name in names]
    stored = {
        row.name: codec.sums_from(row.data)
        for row in UsageDayModel.batch_get(keys, consistent_read=True)
    }
    return [
        UsageDayModel(
            place=place,
            name=name,
            data=codec.sums_data(stored[name] + sums if name in stored else sums),
        )
        for name, sums in names.items()
    ]


def _place_beside(day: UsageDay) -> str:
    return f"{day.organization_id}#{day.day.isoformat()}"


def _is_contended(error: PutError | TransactWriteError) -> bool:
    if isinstance(error, TransactWriteError):
        codes = {reason.code for reason in error.cancellation_reasons if reason}
        return bool(codes) and codes <= _CONTENDED_REASONS
    return code_of(error) in _CONTENDED

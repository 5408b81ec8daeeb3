"""DynamoDB twice: each call is made of the tables in memory and of ministack's."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, TypeAlias

from botocore.exceptions import ClientError

from simulation.cloud import Answer, Choices, Params
from simulation.cloud.dynamodb import MemoryDynamoDb
from simulation.cloud.dynamodb.schema import TableSchema
from simulation.replay.comparing import Comparing
from simulation.replay.forms import Form, canonical, form_of_answer, form_of_refusal
from simulation.replay.quiet import Quietable

_READS = frozenset({"BatchGetItem", "GetItem", "Query", "Scan"})
_LEFT = {"BatchGetItem": "UnprocessedKeys", "BatchWriteItem": "UnprocessedItems"}
_PART_OF_SCAN = frozenset({"ExclusiveStartKey", "Limit", "Segment", "TotalSegments"})

Outcome: TypeAlias = Answer | ClientError


class TwiceDynamoDb(MemoryDynamoDb):
    """Answers are ministack's, but for a read that is behind: then it is what memory chose.

    What a service may choose, ministack doesn't. So memory is asked twice: for what it chooses to
    say, which draws from the history's chance, and for what is so, which must be what ministack
    says.
    """

    def __init__(
        self,
        tables: Iterable[TableSchema],
        *,
        choices: Choices,
        now: Callable[[], datetime],
        client: Any,
        comparing: Comparing,
    ) -> None:
        self._chosen = Quietable(choices)
        super().__init__(tables, choices=self._chosen, now=now)
        self._client = client
        self._comparing = comparing

    def call(self, operation: str, params: Params) -> Answer:
        """See `Service`."""
        said = self._outcome(operation, params)
        if operation == "Scan":
            self._compare_scan(params)
            return _given(said)
        left = _left_out(operation, said)
        params = _without(params, left)
        so = self._so(operation, params, said)
        other = self._other(operation, params)
        sorted_by = self._sorted_by(params)
        form = _form(operation, so, sorted_by)
        self._comparing.answers(
            operation, params, memory=form, other=_form(operation, other, sorted_by)
        )
        if operation in _READS and _form(operation, _whole(operation, said), sorted_by) != form:
            self._comparing.behind[operation] += 1
            return _given(said)
        # Among equals of an index the order is memory's, which is part of the history.
        answer = _given(other if sorted_by is None else said)
        return {**answer, _LEFT[operation]: left} if left else answer

    def _sorted_by(self, params: Params) -> str | None:
        """What the index that is queried is sorted by."""
        for index in self.schemas[params["TableName"]].indexes if "IndexName" in params else ():
            if index.name == params["IndexName"] and index.key.range is not None:
                return index.key.range.name
        return None

    def _compare_scan(self, params: Params) -> None:
        """Compare all that a Scan goes through: which page or segment has what is left open.

        So the caller gets memory's, which is part of the history.
        """
        asked = {name: value for name, value in params.items() if name not in _PART_OF_SCAN}
        with self._chosen.quiet():
            memory = _scanned(self._outcome, asked)
        other = _scanned(self._other, asked)
        self._comparing.answers(
            "Scan", asked, memory=_form("Scan", memory), other=_form("Scan", other)
        )

    def compare_state(self) -> None:
        """Compare all items of all tables."""
        other = self._other_state()
        for table, items in super().state().items():
            self._comparing.stored(
                f"items of {table}",
                memory={self._key(table, item): canonical(item) for item in items},
                other={self._key(table, item): canonical(item) for item in other[table]},
            )

    def state(self) -> dict[str, list[Mapping[str, Any]]]:
        """Everything that ministack has stored, in the order and form of `MemoryDynamoDb.state`."""
        own = super().state()
        found = {}
        for table, items in self._other_state().items():
            order = {self._key(table, item): number for number, item in enumerate(own[table])}
            found[table] = sorted(
                items, key=lambda item: (order.get(self._key(table, item), len(order)), repr(item))
            )
        return found

    def _other_state(self) -> dict[str, list[Mapping[str, Any]]]:
        paginator = self._client.get_paginator("scan")
        return {
            table: [
                dict(sorted(item.items()))
                for page in paginator.paginate(TableName=table, ConsistentRead=True)
                for item in page["Items"]
            ]
            for table in sorted(self.schemas)
        }

    def _key(self, table: str, item: Mapping[str, Any]) -> str:
        return " ".join(str(item.get(name)) for name in self.schemas[table].key.names)

    def _outcome(self, operation: str, params: Params) -> Outcome:
        try:
            return super().call(operation, params)
        except ClientError as error:
            return error

    def _so(self, operation: str, params: Params, said: Outcome) -> Outcome:
        """What memory says if it chooses nothing; only reads can be made once more for that."""
        if operation in _READS and (self._chosen.remembers or operation in _LEFT):
            with self._chosen.quiet():
                return self._outcome(operation, params)
        return _whole(operation, said)

    def _other(self, operation: str, params: Params) -> Outcome:
        try:
            answer: Answer = self._client._make_api_call(operation, dict(params))
        except ClientError as error:
            return error
        return answer


def _scanned(call: Callable[[str, Params], Outcome], params: Params) -> Outcome:
    """All pages of a Scan as one."""
    whole: Answer = {"Count": 0, "ScannedCount": 0}
    while True:
        page = call("Scan", params)
        if isinstance(page, ClientError):
            return page
        whole["Count"] += page["Count"]
        whole["ScannedCount"] += page["ScannedCount"]
        whole.setdefault("Items", []).extend(page.get("Items", ()))
        if "LastEvaluatedKey" not in page:
            return whole
        params = {**params, "ExclusiveStartKey": page["LastEvaluatedKey"]}


def _left_out(operation: str, said: Outcome) -> dict[str, Any]:
    """What memory chose not to do of a batch."""
    if operation not in _LEFT or isinstance(said, ClientError):
        return {}
    left: dict[str, Any] = said.get(_LEFT[operation], {})
    return left


def _whole(operation: str, said: Outcome) -> Outcome:
    """The same as if nothing had been left out."""
    if operation not in _LEFT or isinstance(said, ClientError):
        return said
    return {**said, _LEFT[operation]: {}}


def _without(params: Params, left: Mapping[str, Any]) -> Params:
    """A batch without what is left for the next."""
    if not left:
        return params
    kept: dict[str, Any] = {}
    for table, request in params["RequestItems"].items():
        if isinstance(request, list):
            rest: Any = [each for each in request if each not in left.get(table, ())]
        else:
            keys = left.get(table, {}).get("Keys", ())
            rest = {**request, "Keys": [each for each in request["Keys"] if each not in keys]}
        if rest if isinstance(rest, list) else rest["Keys"]:
            kept[table] = rest
    return {**params, "RequestItems": kept}


def _form(operation: str, outcome: Outcome, sorted_by: str | None = None) -> Form:
    if isinstance(outcome, ClientError):
        return form_of_refusal(outcome)
    return form_of_answer(operation, outcome, sorted_by=sorted_by)


def _given(outcome: Outcome) -> Answer:
    if isinstance(outcome, ClientError):
        raise outcome
    return outcome

"""DynamoDB's calls, and its refusals as botocore raises them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from itertools import count
from typing import Any

from botocore.exceptions import ClientError

from simulation.cloud.choices import STRONGEST, Choices
from simulation.cloud.dynamodb.batches import batch_write_item
from simulation.cloud.dynamodb.descriptions import described
from simulation.cloud.dynamodb.invalid import (
    CanceledError,
    ConditionFailedError,
    InvalidError,
    RefusedError,
)
from simulation.cloud.dynamodb.queries import query, scan
from simulation.cloud.dynamodb.reads import batch_get_item, get_item
from simulation.cloud.dynamodb.requests import Tables, table_of
from simulation.cloud.dynamodb.schema import TableSchema
from simulation.cloud.dynamodb.stream import MemoryStream
from simulation.cloud.dynamodb.table import Table, item_of
from simulation.cloud.dynamodb.transactions import Transactions
from simulation.cloud.dynamodb.values import copy_item
from simulation.cloud.dynamodb.writes import planned, returned
from simulation.cloud.errors import canceled, refusal
from simulation.cloud.wire import Answer, Params

_KINDS = {"PutItem": "Put", "UpdateItem": "Update", "DeleteItem": "Delete"}


class MemoryDynamoDb:
    """Tables in memory. Each call happens at once and alone; what can fail is the wire's."""

    name = "dynamodb"

    def __init__(
        self,
        tables: Iterable[TableSchema],
        *,
        choices: Choices = STRONGEST,
        now: Callable[[], datetime],
    ) -> None:
        self._choices = choices
        self._now = now
        self._tables: Tables = {}
        for schema in tables:
            self._add(schema)
        self._transactions = Transactions(self._tables, now)
        self._tokens = count(1)
        self._calls: dict[str, Callable[[Params], Answer]] = {
            "BatchGetItem": lambda params: batch_get_item(params, self._tables, choices),
            "BatchWriteItem": lambda params: batch_write_item(params, self._tables, choices),
            "CreateTable": self._create_table,
            "DeleteItem": lambda params: self._write("Delete", params),
            "DeleteTable": self._delete_table,
            "DescribeTable": lambda params: {"Table": described(table_of(self._tables, params))},
            "GetItem": lambda params: get_item(params, self._tables),
            "ListTables": lambda _: {"TableNames": sorted(self._tables)},
            "PutItem": lambda params: self._write("Put", params),
            "Query": lambda params: query(params, self._tables),
            "Scan": lambda params: scan(params, self._tables),
            "TransactGetItems": self._transactions.read,
            "TransactWriteItems": self._transactions.write,
            "UpdateItem": lambda params: self._write("Update", params),
        }

    def operations(self) -> Iterable[str]:
        """See `Service`."""
        return self._calls

    def completed(self, operation: str, params: Params) -> Params:
        """See `Service`."""
        if operation == "TransactWriteItems" and "ClientRequestToken" not in params:
            return {**params, "ClientRequestToken": f"token-{next(self._tokens)}"}
        return params

    def call(self, operation: str, params: Params) -> Answer:
        """See `Service`."""
        try:
            answer = self._calls[operation](params)
        except ConditionFailedError as error:
            more: Any = {} if error.item is None else {"Item": copy_item(error.item)}
            code = "ConditionalCheckFailedException"
            raise refusal(code, str(error), operation=operation, **more) from error
        except CanceledError as error:
            raise canceled(error.reasons, operation=operation) from error
        except RefusedError as error:
            raise refusal(error.code, str(error), operation=operation) from error
        except InvalidError as error:
            raise _invalid(str(error), operation) from error
        answer["ResponseMetadata"] = {
            "HTTPStatusCode": 200,
            "HTTPHeaders": {},
            "RetryAttempts": 0,
        }
        return answer

    @property
    def schemas(self) -> dict[str, TableSchema]:
        """How each table is made, by name."""
        return {name: table.schema for name, table in self._tables.items()}

    def stream(self, table: str) -> MemoryStream:
        """The stream of a table that has one."""
        stream = self._tables[table].stream
        if stream is None:
            raise LookupError(f"{table} has no stream")
        return stream

    def items(self, table: str) -> list[Mapping[str, Any]]:
        """All items of a table as they are now, by key; not to be changed."""
        rows = self._tables[table].rows
        return [rows[key].item for key in sorted(rows)]

    def state(self) -> dict[str, list[Mapping[str, Any]]]:
        """All items of all tables, in one canonical order and form, for comparing."""
        return {
            name: [dict(sorted(item.items())) for item in self.items(name)]
            for name in sorted(self._tables)
        }

    def _write(self, kind: str, params: Params) -> Answer:
        write = planned(kind, params, self._tables)
        before = write.before
        outcome = write.outcome()
        write.do(outcome)
        attributes = returned(
            params.get("ReturnValues", "NONE"),
            write,
            item_of(before),
            item_of(outcome),
        )
        return {} if attributes is None else {"Attributes": attributes}

    def _add(self, schema: TableSchema) -> Table:
        table = Table(schema, choices=self._choices, now=self._now)
        self._tables[schema.name] = table
        return table

    def _create_table(self, params: Params) -> Answer:
        if params["TableName"] in self._tables:
            raise RefusedError(
                "ResourceInUseException", f"Table already exists: {params['TableName']}"
            )
        return {"TableDescription": described(self._add(TableSchema.of(params)))}

    def _delete_table(self, params: Params) -> Answer:
        table = table_of(self._tables, params)
        del self._tables[table.schema.name]
        return {"TableDescription": described(table)}


def _invalid(message: str, operation: str) -> ClientError:
    return refusal("ValidationException", message, operation=operation)

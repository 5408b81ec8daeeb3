"""How a table is made: its keys, its indexes, its stream."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyPart:
    """An attribute of a key, and which type it has to have: S, N or B."""

    name: str
    type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class KeySchema:
    """The key of a table or an index."""

    hash: KeyPart
    range: KeyPart | None

    @property
    def parts(self) -> tuple[KeyPart, ...]:
        """Hash, then range."""
        return (self.hash,) if self.range is None else (self.hash, self.range)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the parts."""
        return tuple(part.name for part in self.parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexSchema:
    """A global secondary index; `projected` are its attributes, None for all."""

    name: str
    key: KeySchema
    projected: frozenset[str] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TableSchema:
    """A table; `stream` is what the records of its stream have, such as NEW_IMAGE."""

    name: str
    key: KeySchema
    indexes: tuple[IndexSchema, ...] = ()
    stream: str | None = None

    @classmethod
    def of(cls, params: Mapping[str, Any]) -> TableSchema:
        """Read the parameters of CreateTable, which are CloudFormation's properties, too."""
        types = {
            each["AttributeName"]: each["AttributeType"] for each in params["AttributeDefinitions"]
        }
        key = _key(params["KeySchema"], types)
        specification = params.get("StreamSpecification", {})
        return cls(
            name=params["TableName"],
            key=key,
            indexes=tuple(
                IndexSchema(
                    name=index["IndexName"],
                    key=_key(index["KeySchema"], types),
                    projected=_projected(index, key),
                )
                for index in params.get("GlobalSecondaryIndexes", ())
            ),
            stream=specification.get("StreamViewType"),
        )


def _key(parts: list[Mapping[str, str]], types: Mapping[str, str]) -> KeySchema:
    named = {
        part["KeyType"]: KeyPart(name=part["AttributeName"], type=types[part["AttributeName"]])
        for part in parts
    }
    return KeySchema(hash=named["HASH"], range=named.get("RANGE"))


def _projected(index: Mapping[str, Any], key: KeySchema) -> frozenset[str] | None:
    projection = index["Projection"]
    if projection["ProjectionType"] == "ALL":
        return None
    keys = {*key.names, *(part["AttributeName"] for part in index["KeySchema"])}
    return frozenset(keys | set(projection.get("NonKeyAttributes", ())))

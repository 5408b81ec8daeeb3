"""One message on its way, and the digests by which senders check that it arrived whole."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import md5
from typing import Any

_STRING, _BINARY = b"\x01", b"\x02"


@dataclass(slots=True, kw_only=True)
class Message:
    """What was sent, and what became of it so far."""

    id: str
    body: str
    attributes: Mapping[str, Mapping[str, Any]]
    sent_at: datetime
    visible_at: datetime
    group: str | None = None
    deduplication_id: str | None = None
    sequence: str | None = None
    source_arn: str | None = None
    receive_count: int = 0
    first_received_at: datetime | None = None
    #: That of the latest receipt.
    receipt: str | None = field(default=None)

    def shown(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """What a receive answers that asks for these attributes."""
        answer: dict[str, Any] = {
            "MessageId": self.id,
            "ReceiptHandle": self.receipt,
            "MD5OfBody": digest(self.body.encode()),
            "Body": self.body,
        }
        system = self._system_attributes()
        wanted = {
            *params.get("AttributeNames", ()),
            *params.get("MessageSystemAttributeNames", ()),
        }
        chosen = {n: value for n, value in system.items() if "All" in wanted or n in wanted}
        if chosen:
            answer["Attributes"] = chosen
        held = self._attributes(params.get("MessageAttributeNames", ()))
        if held:
            answer["MessageAttributes"] = held
            answer["MD5OfMessageAttributes"] = attributes_digest(held)
        return answer

    def _system_attributes(self) -> dict[str, str]:
        first = self.first_received_at or self.sent_at
        found = {
            "SenderId": "AIDAMEMORY",
            "SentTimestamp": _milliseconds(self.sent_at),
            "ApproximateReceiveCount": str(self.receive_count),
            "ApproximateFirstReceiveTimestamp": _milliseconds(first),
            "MessageGroupId": self.group,
            "MessageDeduplicationId": self.deduplication_id,
            "SequenceNumber": self.sequence,
            "DeadLetterQueueSourceArn": self.source_arn,
        }
        return {name: value for name, value in found.items() if value is not None}

    def _attributes(self, wanted: Any) -> dict[str, dict[str, Any]]:
        if not wanted:
            return {}
        everything = {"All", ".*"} & set(wanted)
        prefixes = tuple(name[:-2] for name in wanted if name.endswith(".*") and name != ".*")
        return {
            name: dict(value)
            for name, value in self.attributes.items()
            if everything or name in wanted or (prefixes and name.startswith(prefixes))
        }


def digest(content: bytes) -> str:
    """The MD5 that SQS answers with."""
    return md5(content, usedforsecurity=False).hexdigest()


def attributes_digest(attributes: Mapping[str, Mapping[str, Any]]) -> str:
    """The MD5 over attributes, by name.

    Source: "Calculating the MD5 message digest for message attributes" in the SQS guide.
    """
    encoded = b""
    for name in sorted(attributes):
        value = attributes[name]
        encoded += _sized(name.encode()) + _sized(value["DataType"].encode())
        if "StringValue" in value:
            encoded += _STRING + _sized(value["StringValue"].encode())
        else:
            encoded += _BINARY + _sized(bytes(value["BinaryValue"]))
    return digest(encoded)


def size_of(body: str, attributes: Mapping[str, Mapping[str, Any]]) -> int:
    """The bytes that count against the limit."""
    total = len(body.encode())
    for name, value in attributes.items():
        content = value.get("StringValue", value.get("BinaryValue", ""))
        total += len(name.encode()) + len(value["DataType"].encode())
        total += len(content.encode() if isinstance(content, str) else content)
    return total


def _sized(content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + content


def _milliseconds(at: datetime) -> str:
    return str(int(at.timestamp() * 1000))

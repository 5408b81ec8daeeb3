"""HTTP requests and answers, as the parts of the local Stripe hand them to each other."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from devstack.stripe.errors import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """An HTTP request; header names are in lower case."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """An HTTP answer."""

    status: int
    body: bytes
    headers: Mapping[str, str]


def to_bytes(value: Json) -> bytes:
    """JSON as Stripe writes it: indented, in UTF-8."""
    return json.dumps(value, indent=2, ensure_ascii=False).encode()

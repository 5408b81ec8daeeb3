"""What a part of the local stack is to be, before it is started."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

LOOPBACK = "127.0.0.1"
"""The only interface that anything of the stack listens on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One process to be. It is ready when `ready_url` is answered, or its log has `ready_text`.

    One that is `disposable` keeps nothing beyond its own life, and is ended without asking.
    """

    name: str
    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    descriptors: Sequence[int] = ()
    ready_url: str = ""
    ready_text: str = ""
    disposable: bool = False

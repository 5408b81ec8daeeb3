"""Commands that change what an account may do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

COMMANDS: Sequence[Mapping[str, object]] = ()

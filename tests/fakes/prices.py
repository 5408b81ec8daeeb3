"""The fake book of prices."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from chalicelib.domain.price_rules import PriceBook, PriceRule


class FakePrices:
    """The Prices port; what is appended is known everywhere at once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rules: list[PriceRule] = []

    def book(self) -> PriceBook:
        """See the port."""
        return PriceBook.of(self.rules())

    def rules(self) -> Sequence[PriceRule]:
        """See the port."""
        with self._lock:
            return tuple(self._rules)

    def append(self, rule: PriceRule) -> bool:
        """See the port."""
        with self._lock:
            if rule.version <= len(self._rules):
                return self._rules[rule.version - 1] == rule
            if rule.version != len(self._rules) + 1:
                raise ValueError("versions have no gaps")
            self._rules.append(rule)
            return True

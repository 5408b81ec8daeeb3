"""The issuer's published keys: fetched, kept, and asked for again within bounds.

Two things must not happen: that forged tokens make us ask the issuer over and over, and that an
issuer that is down for a while, or answers nonsense, takes everybody's good tokens with it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

import jwt

#: How long keys are trusted without looking again.
_FRESH_SECONDS = 3600
#: How long they are trusted while the issuer can't be reached. Then nobody is let in: a key that
#: was withdrawn must not serve for ever to whoever can keep us from hearing of it.
_KEPT_SECONDS = 6 * 3600
_TIMEOUT_SECONDS = 5
#: A key that isn't known may be new, and an issuer that was down may be back; but neither is
#: asked about for every token.
_ASK_AGAIN_SECONDS = 30


class IssuerUnavailableError(Exception):
    """The issuer's keys can't be had, and none are kept that may still be trusted."""


class IssuerKeys:
    """Finds keys by their ids."""

    def __init__(self, url: str, *, monotonic: Callable[[], float]) -> None:
        # Without its caches: what is kept, and for how long, is decided here.
        self._client = jwt.PyJWKClient(url, cache_jwk_set=False, timeout=_TIMEOUT_SECONDS)
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._keys: Sequence[jwt.PyJWK] = ()
        self._fetched_at: float | None = None
        self._asked_again_at: float | None = None

    def find(self, kid: object) -> jwt.PyJWK | None:
        """The key of that id; None if the issuer has none.

        Raises:
            IssuerUnavailableError: if that can't be known.
        """
        with self._lock:
            if self._younger_than(_FRESH_SECONDS):
                found = self._kept(kid)
                if found is None and self._may_ask_again():
                    self._fetch()
                    found = self._kept(kid)
                return found
            if self._fetched_at is None or self._may_ask_again():
                self._fetch()
            if not self._younger_than(_KEPT_SECONDS):
                raise IssuerUnavailableError
            return self._kept(kid)

    def _fetch(self) -> None:
        """Ask the issuer; if that fails, what is kept stays as it is."""
        try:
            self._keys = self._client.get_signing_keys()
        except (jwt.PyJWTError, OSError, ValueError, RecursionError):
            # Not reached, or its answer is no set of keys: an error page, cut off, empty.
            return
        self._fetched_at = self._monotonic()

    def _kept(self, kid: object) -> jwt.PyJWK | None:
        return next((key for key in self._keys if kid is not None and key.key_id == kid), None)

    def _younger_than(self, seconds: float) -> bool:
        return self._fetched_at is not None and self._monotonic() < self._fetched_at + seconds

    def _may_ask_again(self) -> bool:
        now = self._monotonic()
        if self._asked_again_at is not None and now < self._asked_again_at + _ASK_AGAIN_SECONDS:
            return False
        self._asked_again_at = now
        return True

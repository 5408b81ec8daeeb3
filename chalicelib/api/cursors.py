"""Cursors: where a list goes on, signed, so that a forged one is refused."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Sequence

from chalicelib.domain.errors import InvalidRequestError

_SIGNATURE_BYTES = 16


def make_cursor(secret: bytes, *, list_name: str, after: str) -> str:
    """A cursor that goes on behind `after`, good for that list alone."""
    signed = _signature(secret, list_name, after) + after.encode()
    return base64.urlsafe_b64encode(signed).rstrip(b"=").decode()


def read_cursor(secrets: Sequence[bytes], *, list_name: str, cursor: str) -> str:
    """Where the cursor goes on.

    Raises:
        InvalidRequestError: if it wasn't made with one of the secrets, for that list.
    """
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        signed = base64.b64decode(padded, altchars=b"-_", validate=True)
        signature, after = signed[:_SIGNATURE_BYTES], signed[_SIGNATURE_BYTES:].decode()
    except (UnicodeError, binascii.Error) as error:
        raise _forged() from error
    made = (_signature(secret, list_name, after) for secret in secrets)
    if not any(hmac.compare_digest(signature, expected) for expected in made):
        raise _forged()
    return after


def _signature(secret: bytes, list_name: str, after: str) -> bytes:
    message = f"{list_name}\n{after}".encode()
    return hmac.digest(secret, message, hashlib.sha256)[:_SIGNATURE_BYTES]


def _forged() -> InvalidRequestError:
    return InvalidRequestError("The cursor is not one of this list's.")

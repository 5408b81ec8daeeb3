"""Metadata's own rules: merged key by key, unset by empty text, and bounded."""

from __future__ import annotations

from typing import Any

from devstack.stripe.errors import invalid

_MAX_KEYS = 50
_MAX_KEY = 40
_MAX_VALUE = 500


def merged(kept: dict[str, str] | None, given: Any) -> dict[str, str]:
    """The metadata after an update: `given` is absent (None), empty text (unset all) or a mapping.

    Raises:
        ApiError: 400 for too many keys, or a key or value that is too long.
    """
    if given is None:
        return dict(kept or {})
    if given == "":
        return {}
    result = dict(kept or {})
    for key, value in given.items():
        if len(key) > _MAX_KEY:
            raise invalid(
                f"Metadata keys can be up to {_MAX_KEY} characters long.", param="metadata"
            )
        if len(value) > _MAX_VALUE:
            raise invalid(
                f"Metadata values can have up to {_MAX_VALUE} characters, but you passed in a "
                f"value that is {len(value)} characters. Invalid value: {value}",
                param=f"metadata[{key}]",
            )
        if value == "":
            result.pop(key, None)
        else:
            result[key] = value
    if len(result) > _MAX_KEYS:
        raise invalid(f"You can have up to {_MAX_KEYS} keys in metadata.", param="metadata")
    return result

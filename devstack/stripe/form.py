"""Reading Stripe's form encoding: `a[b][0]=x` into nested values, all leaves still text."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl

from devstack.stripe.errors import Json, invalid

_KEY = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])*)")
_SEGMENT = re.compile(r"\[([^\[\]]*)\]")

#: Far more than any request of this project has; keeps a wrong client from filling the memory.
_MAX_FIELDS = 2_000


def decode(encoded: str) -> Json:
    """Nested mappings of a query string or form body; lists stay mappings with numeric keys.

    Raises:
        ApiError: 400 for keys that are no Stripe keys, or one key used as both value and object.
    """
    root: Json = {}
    try:
        pairs = parse_qsl(encoded, keep_blank_values=True, max_num_fields=_MAX_FIELDS)
    except ValueError as error:
        raise invalid("The request has too many parameters.") from error
    for key, value in pairs:
        match = _KEY.fullmatch(key)
        if match is None:
            raise invalid(f"Invalid parameter name: {key}", param=key)
        _put(root, [match[1], *_SEGMENT.findall(match[2])], value, key)
    return root


def _put(root: Json, segments: list[str], value: str, key: str) -> None:
    here = root
    for segment in segments[:-1]:
        name = segment or str(len(here))  # `list[]` appends
        below = here.setdefault(name, {})
        if not isinstance(below, dict):
            raise invalid(f"Invalid object: {key}", param=key)
        here = below
    name = segments[-1] or str(len(here))
    if isinstance(here.get(name), dict):
        raise invalid(f"Invalid string: {key}", param=key)
    here[name] = value

"""Checking a request's parameters against stripe-python's types, and turning text into values."""

from __future__ import annotations

import functools
import re
import types
import typing
from decimal import Decimal, InvalidOperation
from typing import Any, Literal

import typing_extensions

from devstack.stripe import published
from devstack.stripe.errors import Json, invalid

_MAX_TEXT = 5_000
_INTEGER = re.compile(r"-?[0-9]{1,18}")
_UNIONS = (typing.Union, types.UnionType)
_OPTIONAL = (typing_extensions.NotRequired, typing.NotRequired)


@functools.cache
def fields(typed_dict: type) -> dict[str, object]:
    """The field types of a published parameter type, by name."""
    return published.fields_of(typed_dict)


def check(raw: Json, typed_dict: type, *, extra: dict[str, object] | None = None) -> Json:
    """The request's values, typed as the TypedDict says.

    Args:
        raw: nested text, as `form.decode` gives it.
        typed_dict: the published parameter type.
        extra: further top-level fields that a browser may send.

    Raises:
        ApiError: 400, in Stripe's words, for the first parameter that is unknown, missing or of
            the wrong type.
    """
    return _object(raw, fields(typed_dict) | (extra or {}), "")


def _join(path: str, name: str) -> str:
    return f"{path}[{name}]" if path else name


def _object(raw: Json, hints: dict[str, object], path: str) -> Json:
    unknown = [_join(path, name) for name in raw if name not in hints]
    if "payment_method_types" in unknown:
        raise invalid(
            "The parameter `payment_method_types` is no longer supported. Use "
            "`allowed_payment_method_types` instead.",
            param="payment_method_types",
            code="payment_method_types_no_longer_supported",
        )
    if unknown:
        plural = "s" if len(unknown) > 1 else ""
        raise invalid(
            f"Received unknown parameter{plural}: {', '.join(unknown)}",
            param=unknown[0],
            code="parameter_unknown",
        )
    checked: Json = {}
    for name, hint in hints.items():
        here = _join(path, name)
        needed = typing.get_origin(hint) not in _OPTIONAL
        bare = hint if needed else typing.get_args(hint)[0]
        if name in raw:
            checked[name] = _value(raw[name], bare, here)
        elif needed:
            raise invalid(f"Missing required param: {here}.", param=here, code="parameter_missing")
    return checked


def _value(raw: Any, hint: Any, path: str) -> Any:
    origin = typing.get_origin(hint)
    if origin in _UNIONS or origin is Literal:
        return _one_of(raw, _arms(hint), path)
    if typing_extensions.is_typeddict(hint):
        return _object(_mapping(raw, path), fields(hint), path)
    if origin is list:
        return _list(raw, typing.get_args(hint)[0], path)
    if origin is dict:
        inner = typing.get_args(hint)[1]
        return {
            name: _entry(value, inner, _join(path, name))
            for name, value in _mapping(raw, path).items()
        }
    if not isinstance(raw, str):
        raise invalid(f"Invalid {_word(hint)}: {path} is an object", param=path)
    return _scalar(raw, hint, path)


def _entry(raw: Any, hint: Any, path: str) -> Any:
    """A member of a free mapping such as metadata, where the empty text unsets."""
    return "" if raw == "" else _value(raw, hint, path)


def _mapping(raw: Any, path: str) -> Json:
    if not isinstance(raw, dict):
        raise invalid("Invalid object", param=path)
    return raw


def _list(raw: Any, hint: Any, path: str) -> list[Any]:
    if not isinstance(raw, dict) or not all(name.isdecimal() for name in raw):
        raise invalid("Invalid array", param=path)
    ordered = sorted(raw, key=int)
    return [_value(raw[name], hint, _join(path, name)) for name in ordered]


def _arms(hint: Any) -> list[Any]:
    """A union's arms, flat, with each literal as an arm of its own."""
    arms: list[Any] = []
    args = typing.get_args(hint) if typing.get_origin(hint) in _UNIONS else (hint,)
    for arm in args:
        if typing.get_origin(arm) is Literal:
            arms.extend(Literal[value] for value in typing.get_args(arm))
        elif typing.get_origin(arm) in _UNIONS:
            arms.extend(_arms(arm))
        else:
            arms.append(arm)
    return arms


def _one_of(raw: Any, arms: list[Any], path: str) -> Any:
    """A value of a union. stripe-python types enums as `Literal[…] | str`: the str is not meant."""
    words = [typing.get_args(arm)[0] for arm in arms if typing.get_origin(arm) is Literal]
    others = [arm for arm in arms if typing.get_origin(arm) is not Literal]
    if isinstance(raw, dict):
        composite = [arm for arm in others if arm not in (str, int, bool, float, Decimal)]
        if not composite:
            raise invalid(f"Invalid {_word(others[0] if others else str)}", param=path)
        return _value(raw, composite[0], path)
    if raw in words:
        return raw
    choices = [str(word) for word in words if word != ""]
    if choices:
        others = [arm for arm in others if arm is not str]
        scalars = [arm for arm in others if arm in (int, bool)]
        if not scalars or (bool in scalars and raw not in ("true", "false")):
            raise invalid(f"Invalid {path}: must be one of {_series(choices)}", param=path)
    scalars = [arm for arm in others if arm in (int, bool, float, Decimal, str)]
    if not scalars:
        raise invalid("Invalid object", param=path)
    return _scalar(raw, scalars[0], path)


def _series(words: list[str]) -> str:
    if len(words) < 3:  # noqa: PLR2004
        return " or ".join(words)
    return f"{', '.join(words[:-1])}, or {words[-1]}"


def _word(hint: Any) -> str:
    return {int: "integer", bool: "boolean", float: "decimal", Decimal: "decimal"}.get(
        hint, "string"
    )


def _scalar(raw: str, hint: Any, path: str) -> Any:
    if raw == "":
        raise invalid(
            f"You passed an empty string for '{path}'. We assume empty values are an attempt to "
            f"unset a parameter; however '{path}' cannot be unset. You should remove '{path}' "
            "from your request or supply a non-empty value.",
            param=path,
            code="parameter_invalid_empty",
        )
    if hint is bool:
        if raw not in ("true", "false"):
            raise invalid(f"Invalid boolean: {raw}", param=path)
        return raw == "true"
    if hint is int:
        if not _INTEGER.fullmatch(raw):
            raise invalid(f"Invalid integer: {raw}", param=path, code="parameter_invalid_integer")
        return int(raw)
    if hint in (float, Decimal):
        return _decimal(raw, path)
    if hint is not str:
        raise TypeError(f"{path}: no rule for the published type {hint!r}")
    if len(raw) > _MAX_TEXT:
        raise invalid(
            f"Invalid string: {raw[:20]}...; must be at most {_MAX_TEXT} characters", param=path
        )
    return raw


def _decimal(raw: str, path: str) -> Decimal:
    try:
        value = Decimal(raw)
    except InvalidOperation as error:
        raise invalid(f"Invalid decimal: {raw}", param=path) from error
    if not value.is_finite():
        raise invalid(f"Invalid decimal: {raw}", param=path)
    return value

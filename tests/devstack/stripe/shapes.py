"""Comparing an object with what stripe-python's response classes say of it."""

from __future__ import annotations

import functools
import importlib
import inspect
import sys
import types
import typing
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Literal

import stripe
from stripe._object_classes import OBJECT_CLASSES
from stripe._stripe_object import UntypedStripeObject

_UNIONS = (typing.Union, types.UnionType)
_PLAIN: dict[Any, tuple[type, ...]] = {
    int: (int,),
    str: (str,),
    bool: (bool,),
    float: (int, float),
    type(None): (type(None),),
    Decimal: (str,),
}


class _Names(dict[str, Any]):
    """Resolves the names that stripe-python imports for type checkers only."""

    def __init__(self, module: str) -> None:
        super().__init__()
        self._module = sys.modules[module]

    def __missing__(self, name: str) -> Any:
        if hasattr(self._module, name):
            return getattr(self._module, name)
        found: Any = getattr(stripe, name.removesuffix("Resource"), None)
        return found if isinstance(found, type) else object


@functools.cache
def _hints(cls: type) -> dict[str, Any]:
    hints: dict[str, Any] = {}
    for base in reversed(cls.__mro__):
        if base.__module__.startswith("stripe.") and base is not stripe.StripeObject:
            scope = _Names(base.__module__)
            for name, hint in inspect.get_annotations(base).items():
                hints[name] = _resolved(hint, scope)
    return {name: hint for name, hint in hints.items() if not name.startswith("_")}


def _resolved(hint: Any, scope: _Names) -> Any:
    holder = type("Holder", (), {"__annotations__": {"it": hint}})
    return typing.get_type_hints(holder, globalns={}, localns=scope)["it"]


def class_of(name: str) -> type:
    """stripe-python's class of an object, such as `payment_intent` or `tax.calculation`."""
    module, cls = OBJECT_CLASSES[name]
    found: type = getattr(importlib.import_module(module), cls)
    return found


def problems(value: Any, hint: Any, path: str) -> Iterator[str]:
    """Every place where the value is not what the annotation says, each as a sentence."""
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if _says_nothing(hint):
        return
    if origin in _UNIONS:
        yield from _none_fits(value, args, path)
    elif origin is Literal:
        if value not in args:
            yield f"{path} is {value!r}, not one of {args}"
    elif origin in (list, stripe.ListObject):
        yield from _wrong_items(value, origin, args, path)
    elif isinstance(origin or hint, type) and issubclass(origin or hint, stripe.StripeObject):
        yield from _wrong_members(value, origin or hint, path)
    elif hint in _PLAIN:
        right = isinstance(value, _PLAIN[hint]) and (hint is bool or not isinstance(value, bool))
        if not right:
            yield f"{path} is {value!r}, not of type {hint.__name__}"
    else:
        raise TypeError(f"{path}: no rule for {hint!r}")


def _says_nothing(hint: Any) -> bool:
    return (
        hint in (Any, object)
        or typing.get_origin(hint) is typing.ClassVar
        or isinstance(hint, typing.TypeVar)
    )


def _none_fits(value: Any, arms: tuple[Any, ...], path: str) -> Iterator[str]:
    """A union; stripe-python types enums as `Literal[…] | str`, where the str is not meant."""
    words = [arm for arm in arms if typing.get_origin(arm) is Literal]
    meant = [arm for arm in arms if not (words and arm is str)]
    tried = [list(problems(value, arm, path)) for arm in meant]
    if all(tried):
        yield from max(tried, key=len)


def _wrong_items(value: Any, origin: Any, args: tuple[Any, ...], path: str) -> Iterator[str]:
    if origin is stripe.ListObject:
        if not isinstance(value, dict) or value.get("object") != "list":
            yield f"{path} is no list object"
            return
        for name in ("has_more", "url"):
            if name not in value:
                yield f"{path}.{name} is missing"
        value = value["data"]
    if not isinstance(value, list):
        yield f"{path} is {value!r}, no list"
        return
    for place, item in enumerate(value):
        yield from problems(item, args[0], f"{path}[{place}]")


def _wrong_members(value: Any, cls: type, path: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{path} is {value!r}, no {cls.__name__}"
        return
    hints = {} if cls is UntypedStripeObject else _hints(cls)
    for name in value.keys() - hints.keys() if hints else ():
        yield f"{path}.{name} is unknown to {cls.__qualname__}"
    for name, hint in hints.items():
        if name in value:
            yield from problems(value[name], hint, f"{path}.{name}")
        elif not _may_be_missing(hint):
            yield f"{path}.{name} is missing"


def _may_be_missing(hint: Any) -> bool:
    if typing.get_origin(hint) is typing.ClassVar:
        return True
    return typing.get_origin(hint) in _UNIONS and type(None) in typing.get_args(hint)

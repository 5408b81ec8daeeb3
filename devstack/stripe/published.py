"""Which parameters Stripe publishes for each route, read from stripe-python's service classes.

Its generated `*_service.py` files name every route beside the TypedDict of its parameters, so this
small Stripe can be no more lenient than the pinned version of the real one.
"""

from __future__ import annotations

import ast
import functools
import importlib
import typing
from collections.abc import Mapping
from pathlib import Path

import stripe

Route = tuple[str, str]

#: stripe-python mixes its own per-request options into the parameter types; they never travel.
_LOCAL_NAMES = {"StripeContext": object, "Mapping": Mapping}


@functools.cache
def parameter_types(wanted: frozenset[Route]) -> dict[Route, type]:
    """The TypedDict of each wanted (method, path template).

    Raises:
        LookupError: if the pinned stripe-python has no such route: then Stripe has none either.
    """
    found: dict[Route, type] = {}
    for source in sorted(Path(str(stripe.__file__)).parent.rglob("*_service.py")):
        text = source.read_text(encoding="utf-8")
        if any(f'"{template}"' in text for _, template in wanted):
            for route, (module, name) in _routes_of(ast.parse(text)).items():
                if route in wanted:
                    found[route] = getattr(importlib.import_module(module), name)
    if wanted - found.keys():
        raise LookupError(f"stripe-python has no route {sorted(wanted - found.keys())}")
    return found


def _routes_of(tree: ast.Module) -> dict[Route, tuple[str, str]]:
    modules = {
        alias.name: node.module
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module
        for alias in node.names
    }
    routes: dict[Route, tuple[str, str]] = {}
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef):
            called = _requested(function)
            name = _params_name(function)
            if called and name:
                routes[called] = (modules[name], name)
    return routes


def _requested(function: ast.FunctionDef) -> Route | None:
    """The route of the one `self._request("post", "/v1/…".format(…))` in a service method."""
    for node in ast.walk(function):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr == "_request"
        ):
            method, path = node.args[0], node.args[1]
            if isinstance(path, ast.Call) and isinstance(path.func, ast.Attribute):
                path = path.func.value
            if isinstance(method, ast.Constant) and isinstance(path, ast.Constant):
                return str(method.value).upper(), str(path.value)
    return None


def _params_name(function: ast.FunctionDef) -> str | None:
    for argument in (*function.args.posonlyargs, *function.args.args):
        if argument.arg == "params" and argument.annotation is not None:
            for node in ast.walk(argument.annotation):
                if isinstance(node, ast.Constant) and isinstance(node.value, str):
                    return node.value
    return None


def fields_of(typed_dict: type) -> dict[str, object]:
    """The resolved field types of a parameter TypedDict, with NotRequired still in place."""
    module = importlib.import_module(typed_dict.__module__)
    hints = typing.get_type_hints(
        typed_dict, globalns=vars(module), localns=_LOCAL_NAMES, include_extras=True
    )
    options = stripe.RequestOptions.__annotations__
    return {name: hint for name, hint in hints.items() if name not in options}

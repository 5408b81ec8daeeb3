"""One request after parsing, as the handlers of objects see it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from devstack.stripe.errors import Json

if TYPE_CHECKING:
    from devstack.stripe.state import State


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A request whose parameters are already typed and known to be allowed."""

    method: str
    #: The path as it was asked for, which lists answer as their `url`.
    url: str
    path: Mapping[str, str]
    params: Json
    #: Made with a publishable key: only what a browser may do, and only with a client secret.
    by_browser: bool
    request_id: str
    idempotency_key: str | None


Handler = Callable[["State", Call], Json]
Routes = Mapping[tuple[str, str], Handler]

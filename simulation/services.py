"""The product's own object graph, over clients in memory; each Lambda instance has one."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any

from chalicelib.adapters.dynamodb.prices import DynamoPrices
from chalicelib.adapters.price_catalogue import GenaiPricesCatalogue
from chalicelib.adapters.secrets import StoredSecret
from chalicelib.domain.invoice import Invoice
from chalicelib.domain.invoice_record import invoice_to_dict
from chalicelib.wiring.services import Services

if TYPE_CHECKING:
    from stripe import StripeClient

    from chalicelib.adapters.secrets import Secret
    from chalicelib.ports import Prices, Renderer
    from simulation.world import World


@cache
def shared_catalogue() -> GenaiPricesCatalogue:
    """The public prices, which nothing changes."""
    return GenaiPricesCatalogue()


class SimulatedServices(Services):
    """`Services` as it is, but for what is outside of this process, the clock and rendering."""

    def __init__(self, world: World) -> None:
        super().__init__(world.settings)
        self._world = world

    def verify_token(self, token: str) -> Mapping[str, object] | None:
        """Tokens say here in plain words whose they are."""
        claims: dict[str, object] = json.loads(token)
        return claims

    def _secret(self, secret_id: str | None, given: Mapping[str, Callable[[], str]]) -> Secret:
        if secret_id is None:
            return super()._secret(secret_id, given)
        client = self._client("secretsmanager")
        return StoredSecret(client, secret_id=secret_id, clock=lambda: self._world.scheduler.now)

    @cached_property
    def _stripe(self) -> StripeClient:
        return self._world.stripe.client

    @cached_property
    def _catalogue(self) -> GenaiPricesCatalogue:
        return shared_catalogue()

    @cached_property
    def _prices(self) -> Prices:
        def clock() -> float:
            return self._world.scheduler.now

        max_age_seconds = self.settings.prices_max_age_seconds
        return self._connected(lambda: DynamoPrices(max_age_seconds=max_age_seconds, clock=clock))

    @cached_property
    def _renderer(self) -> Renderer:
        return PlainRenderer()

    def _client(self, service: str) -> Any:
        return self._world.clients[service]


class PlainRenderer:
    """The Renderer port without typesetting: the same invoice gives the same bytes."""

    def render_pdf(self, invoice: Invoice) -> bytes:
        """See the port."""
        return b"%PDF " + _fingerprint(invoice).encode()

    def render_html(self, invoice: Invoice) -> str:
        """See the port."""
        return f"<p>{_fingerprint(invoice)}</p>"


def _fingerprint(invoice: Invoice) -> str:
    text = json.dumps(invoice_to_dict(invoice), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()

"""The public prices of models, from the data that the genai-prices package carries.

The package is imported at the first question, and never fetches anything: prices change with the
pinned version, which is why the version is part of every answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from functools import cache, lru_cache
from importlib.metadata import version
from typing import TYPE_CHECKING

from chalicelib.domain.price_table import PriceTable, PriceTier, UnitPrice
from chalicelib.domain.quoting import CataloguePrice
from chalicelib.domain.units import CALLS, UNITS, Unit
from chalicelib.domain.usage import ModelUsage

if TYPE_CHECKING:
    from genai_prices.types import ModelInfo, ModelPrice, Provider, TieredPrices

#: What gateways call the catalogue's providers. The package would take any name that contains
#: one of its own, and so sell "my-openai-clone" at the prices of OpenAI: that is guessing.
_PROVIDER_ALIASES: Mapping[str, str] = {
    "amazon": "aws",
    "amazon-bedrock": "aws",
    "azure-openai": "azure",
    "azure_openai": "azure",
    "bedrock": "aws",
    "fireworks-ai": "fireworks",
    "fireworks_ai": "fireworks",
    "gemini": "google",
    "google-gla": "google",
    "google-vertex": "google",
    "mistralai": "mistral",
    "moonshot": "moonshotai",
    "together-ai": "together",
    "together_ai": "together",
    "vertex": "google",
    "vertex-ai": "google",
    "vertex_ai": "google",
    "vertexai": "google",
    "voyage": "voyageai",
    "xai": "x-ai",
}

#: What providers answer when a request was served at their usual prices.
_STANDARD_CONTEXT = frozenset(
    {
        ("processing", "standard"),
        ("service_tier", "default"),
        ("service_tier", "standard"),
        ("speed", "standard"),
    }
)

#: More pairs of names than gateways use at once; the catalogue has 2,330 models.
_CACHED_MODELS = 4096

#: Our units by the package's names; it counts requests where reports say calls.
_OURS: Mapping[str, Unit] = {**UNITS, "requests": CALLS}

_Context = tuple[tuple[str, str], ...]


class GenaiPricesCatalogue:
    """The catalogue; one per container, since it keeps what it has looked up."""

    def __init__(self) -> None:
        self._version = f"genai-prices {version('genai-prices')}"
        self._listed = lru_cache(maxsize=_CACHED_MODELS)(_find_listed)

    def price(self, usage: ModelUsage, at: datetime) -> CataloguePrice | None:
        """What calls like these cost at a time.

        None for a model that isn't listed, is listed without prices, is sold by the hour, which
        reports don't count, or has no prices for the usage's context.
        """
        listed = self._listed(usage.provider.lower(), usage.model.lower())
        if listed is None:
            return None
        context = tuple(pair for pair in usage.price_context if pair not in _STANDARD_CONTEXT)
        table = listed.table(context, at)
        if table is None:
            return None
        return CataloguePrice(
            provider=listed.provider_id,
            model=listed.model_id,
            version=self._version,
            table=table,
        )


class _ListedModel:
    """A model of the catalogue with the price tables that were asked for so far.

    Its prices change when one of their constraints becomes active, on a day or at an hour of each
    day. Which of them are active is therefore all that a table depends on, besides the context.
    """

    def __init__(self, provider: Provider, model: ModelInfo) -> None:
        self.provider_id = provider.id
        self.model_id = model.id
        self._model = model
        #: Another provider's model, that this one serves, has only its usual prices here.
        own = any(model is each for each in provider.models)
        self._variants = tuple(model.price_variants or ()) if own else ()
        conditional = model.prices if isinstance(model.prices, list) else []
        constraints = (
            *(price.constraint for price in conditional),
            *(variant.constraint for variant in self._variants),
        )
        self._constraints = tuple(each for each in constraints if each is not None)
        self._tables: dict[tuple[_Context, tuple[bool, ...]], PriceTable] = {}

    def table(self, context: _Context, at: datetime) -> PriceTable | None:
        """The prices in force, or None without any for this context."""
        key = context, tuple(constraint.active(at) for constraint in self._constraints)
        table = self._tables.get(key)
        if table is None and self._is_priced(context, at):
            table = _read_table(self._model.get_prices(at, dict(context)))
            if table is not None:
                self._tables[key] = table
        return table

    def _is_priced(self, context: _Context, at: datetime) -> bool:
        """Whether each word of the context chooses prices; the package ignores those that don't."""
        words = dict(context)
        chosen = {
            pair
            for variant in self._variants
            if variant.constraint is None or variant.constraint.active(at)
            if variant.when.items() <= words.items()
            for pair in variant.when.items()
        }
        return chosen.issuperset(context)


def _find_listed(provider_name: str, model_name: str) -> _ListedModel | None:
    from genai_prices.data import providers  # noqa: PLC0415 - takes 0.3 s and 30 MB

    provider_id = _PROVIDER_ALIASES.get(provider_name, provider_name)
    provider = next((each for each in providers if each.id == provider_id), None)
    if provider is None:
        return None
    model = provider.find_model(model_name, all_providers=providers)
    return None if model is None else _ListedModel(provider, model)


def _read_table(model_price: ModelPrice) -> PriceTable | None:
    units = _units_by_price_key()
    prices: list[UnitPrice] = []
    for key, value in vars(model_price).items():
        if value is None:
            continue
        if key not in units:
            return None
        unit, per = units[key]
        prices.append(_read_price(unit, value, factor=Decimal(unit.per) / per))
    return PriceTable(prices=tuple(prices)) if prices else None


def _read_price(unit: Unit, value: Decimal | TieredPrices, *, factor: Decimal) -> UnitPrice:
    if isinstance(value, Decimal):
        return UnitPrice(unit=unit, usd=value).times(factor)
    return UnitPrice(
        unit=unit,
        usd=value.base,
        tiers=tuple(
            PriceTier(above_input_tokens=tier.start, usd=tier.price) for tier in value.tiers
        ),
    ).times(factor)


@cache
def _units_by_price_key() -> Mapping[str, tuple[Unit, int]]:
    """Our unit for each kind of price that we can count, and how many of it the price is for."""
    from genai_prices.data_units import unit_data  # noqa: PLC0415 - see above

    return {
        definition["price_key"]: (_OURS[name], definition["per"])
        for name, definition in unit_data.items()
        if name in _OURS
    }

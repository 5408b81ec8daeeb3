"""Settings: what is missing or wrong is named, and what isn't used needn't be there."""

from __future__ import annotations

import re
from functools import cached_property

import pytest

from chalicelib.config import TABLE_VARIABLES, Settings, SettingsError
from tests.fakes.values import usd

NAMES = [name for name, value in vars(Settings).items() if isinstance(value, cached_property)]


def missing(name: str, environment: dict[str, str]) -> str | None:
    """The variable that a setting complains about, if it does."""
    try:
        getattr(Settings(environment), name)
    except SettingsError as error:
        found = re.fullmatch(r"The environment variable ([A-Z0-9_]+) is missing\.", str(error))
        return found and found[1]
    return None


def test_there_are_settings() -> None:
    assert {"region", "tables", "stripe_api_key", "cursor_secret"} <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_setting_is_optional_or_its_variable_is_named(name: str) -> None:
    variable = missing(name, {})
    if variable is not None:
        assert missing(name, {variable: ""}) == variable, "empty is as good as missing"


def test_what_has_no_sensible_default_is_required() -> None:
    required = {missing(name, {}) for name in NAMES} - {None}
    assert {
        "AWS_REGION",
        "CURSOR_SECRET",
        "DOCUMENTS_BUCKET",
        "JWT_AUDIENCE",
        "JWT_ISSUER",
        "JWT_JWKS_URL",
        "STRIPE_API_KEY",
        "STRIPE_WEBHOOK_SECRETS",
        "TOP_UP_QUEUE_URL",
    } <= required


@pytest.mark.parametrize("variable", TABLE_VARIABLES.values())
def test_each_table_that_is_missing_is_named(variable: str) -> None:
    environment = {name: "some-table" for name in TABLE_VARIABLES.values() if name != variable}
    with pytest.raises(SettingsError, match=f"{variable} is missing"):
        _ = Settings(environment).tables
    assert set(Settings({**environment, variable: "x"}).tables) == set(TABLE_VARIABLES)


@pytest.mark.parametrize(
    ("name", "variable", "text"),
    [
        ("purchase_minimum_nanos", "PURCHASE_MINIMUM", "5"),
        ("purchase_minimum_nanos", "PURCHASE_MINIMUM", "-5.00"),
        ("purchase_maximum_nanos", "PURCHASE_MAXIMUM", "1e4"),
        ("card_tries_per_hour", "CARD_TRIES_PER_HOUR", "0"),
        ("trace_terms", "TRACES_PER_MONTH", "many"),
        ("trace_terms", "TRACES_PRICE_PER_THOUSAND", "0.5 USD"),
        ("seller", "SELLER_FILE", "no-such-file.json"),
    ],
)
def test_a_setting_that_can_not_be_read_is_named_with_its_value(
    name: str, variable: str, text: str
) -> None:
    with pytest.raises(SettingsError, match=f"{variable} is '{text}'"):
        getattr(Settings({variable: text}), name)


def test_nothing_is_read_before_it_is_asked_for() -> None:
    assert Settings({"AWS_REGION": "eu-central-1"}).region == "eu-central-1"


def test_the_bounds_of_a_purchase_have_defaults() -> None:
    settings = Settings({})
    assert settings.purchase_minimum_nanos == usd("5.00")
    assert settings.purchase_maximum_nanos == usd("10000.00")


def test_two_webhook_secrets_serve_while_one_replaces_the_other() -> None:
    settings = Settings({"STRIPE_WEBHOOK_SECRETS": "whsec_old, whsec_new,"})
    assert settings.stripe_webhook_secrets == ("whsec_old", "whsec_new")

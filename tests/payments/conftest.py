"""A stack whose Stripe is the local one or, for `make test-stripe`, Stripe's own test mode.

Nothing else differs: the application gets another key and another address.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from devstack.settings import StackSettings, StripeAccount
from devstack.stack import Stack
from tests.support.buyer import Buyer
from tests.support.contract import ContractSession

REAL = "TEST_STRIPE"
"""The variable by which `make test-stripe` asks for Stripe's own test mode."""


@pytest.fixture(scope="module")
def account() -> StripeAccount:
    """The Stripe account to play with."""
    if not os.environ.get(REAL):
        return StripeAccount()
    key = os.environ.get("STRIPE_API_KEY", "")
    if not key.startswith(("sk_test_", "rk_test_")):
        pytest.skip(
            "Stripe's own test mode needs a key of yours: STRIPE_API_KEY=sk_test_… make test-stripe"
        )
    publishable = os.environ.get("STRIPE_PUBLISHABLE_KEY", "pk_test_none")
    return StripeAccount(api_key=key, publishable_key=publishable, is_local=False)


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory, account: StripeAccount) -> Iterator[Stack]:
    """One stack for the tests of a module."""
    settings = StackSettings(
        home=tmp_path_factory.mktemp("payments"),
        port=0,
        stripe=account,
        visibility_timeout_seconds=3,
        schedule_speed=30.0,
    )
    with Stack(settings) as running:
        yield running


@pytest.fixture
def buyer(stack: Stack) -> Iterator[Buyer]:
    """A new organization."""
    session = ContractSession(stack.url)
    yield Buyer(stack, session)
    session.close()

"""Fixtures that stand the application on an emulated AWS and a local Stripe.

Every test may ask for them, `tests/conftest.py` loads them:

- `aws`: an account of its own in a running emulator, with the tables, queues, bucket and bus of
  `.chalice/resources.yaml`, empty. `aws.environment` is what the application reads,
  `aws.cloud.client("dynamodb")` a client, `aws.physical_ids["UsageQueue"]` a queue's address.
- `faulty_aws`: the same behind a fault proxy; `faults.lose_response(service="dynamodb",
  operation="TransactWriteItems")` and the like, by the fixture `faults`.
- `start_stack`: a function that starts a whole stack on free ports and gives a `Stack`:
  `start_stack(workers=2, faults=True, visibility_timeout_seconds=2, schedule_speed=30)`;
  the arguments are those of `devstack.settings.StackSettings`. It is stopped after the test.
- `stack`: one whole stack that a module's tests share, with short time-outs; each test takes
  organizations of its own.

A `Stack` has `url`, `environment`, `token(organization_id=…, scope=…)`, `description()` (the
contract's stack.json), `cloud`, `faults`, `kill("worker-1")`, `restart("worker-1")`, `logs`.
With `aws` and `faulty_aws` there is no Stripe and no issuer of tokens: their variables are those
of NOBODY, at whose addresses nobody listens. Nothing here changes `os.environ`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from devstack.emulator import Account, Emulator
from devstack.faults import Faults
from devstack.settings import StackSettings
from devstack.stack import Stack
from tests.support.stack_logs import unwatch, watch

_NOWHERE = "http://127.0.0.1:9"
NOBODY = {
    "STRIPE_API_KEY": "sk_test_nobody",
    "STRIPE_API_BASE": _NOWHERE,
    "STRIPE_PUBLISHABLE_KEY": "pk_test_nobody",
    "STRIPE_WEBHOOK_SECRETS": "whsec_nobody",
    "STRIPE_JS_URL": f"{_NOWHERE}/v3/",
    "JWT_ISSUER": _NOWHERE,
    "JWT_AUDIENCE": "nobody",
    "JWT_JWKS_URL": f"{_NOWHERE}/jwks.json",
    "CURSOR_SECRET": "nobody's",
    "STRIPE_SECRET_ID": "",
    "CURSOR_SECRET_ID": "",
}
"""What a stack decides, for the tests that have an emulator alone."""

StartStack = Callable[..., Stack]


@pytest.fixture(scope="session")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    """One emulator for all tests of a process; each takes an account of its own in it."""
    with Emulator(home=tmp_path_factory.mktemp("aws")) as running:
        yield running


@pytest.fixture(scope="session")
def faulty_emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    """The same with a fault proxy in front."""
    with Emulator(home=tmp_path_factory.mktemp("faulty-aws"), with_faults=True) as running:
        yield running


@pytest.fixture
def aws(emulator: Emulator) -> Account:
    """An account with the application's resources, all of them empty."""
    return emulator.account(given=NOBODY)


@pytest.fixture
def faults(faulty_emulator: Emulator) -> Iterator[Faults]:
    """The fault proxy in front of `faulty_aws`, without rules."""
    faulty_emulator.faults.clear()
    yield faulty_emulator.faults
    faulty_emulator.faults.clear()


@pytest.fixture
def faulty_aws(faulty_emulator: Emulator, faults: Faults) -> Account:
    """An account with the application's resources, behind the fault proxy."""
    return faulty_emulator.account(given=NOBODY)


@pytest.fixture
def start_stack(tmp_path: Path, pytestconfig: pytest.Config) -> Iterator[StartStack]:
    """Start a whole stack with the settings that the test wants, and stop it afterwards."""
    with ExitStack() as running:

        def start(**settings: Any) -> Stack:
            home = tmp_path / f"stack-{len(list(tmp_path.glob('stack-*')))}"
            chosen = StackSettings(**{"home": home, "port": 0, **settings})
            stack = Stack(chosen)
            watch(pytestconfig, stack)
            running.callback(unwatch, pytestconfig, stack)
            return running.enter_context(stack)

        yield start


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """One whole stack for the tests of a module."""
    settings = StackSettings(
        home=tmp_path_factory.mktemp("stack"),
        port=0,
        visibility_timeout_seconds=3,
        schedule_speed=30.0,
    )
    with Stack(settings) as running:
        yield running

"""What may differ between one local stack and another, and the variables that follow from it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from devstack.aws import DEFAULT_ACCOUNT, STACK_NAME, Cloud
from devstack.tokens import AUDIENCE, Issuer, signing_key

CHECKOUT = Path(__file__).resolve().parent.parent
DEFAULT_PORT = 8000
STRIPE_URL = "https://api.stripe.com"
STRIPE_JS_URL = "https://js.stripe.com/v3/"


@dataclass(frozen=True, slots=True, kw_only=True)
class StripeAccount:
    """The keys of an account: the local Stripe's by default, or of Stripe's own test mode."""

    api_key: str = "sk_test_local"
    publishable_key: str = "pk_test_local"
    is_local: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class StackSettings:
    """How to run a stack.

    `root` is the folder of `app.py`, `home` where the stack keeps its logs and its key.
    Without `stripe` there is none, for tests that need none.
    `visibility_timeout_seconds` and `schedule_speed` spare tests the wait for redelivery and
    for schedules; `faults` puts a fault proxy between the application and AWS.
    """

    root: Path = CHECKOUT
    home: Path = CHECKOUT / ".local"
    port: int = DEFAULT_PORT
    workers: int = 1
    stripe: StripeAccount | None = StripeAccount()
    faults: bool = False
    visibility_timeout_seconds: int | None = None
    schedule_speed: float = 1.0
    account_id: str = DEFAULT_ACCOUNT
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Addresses:
    """Where the parts of a stack listen."""

    web: str
    key_set: str
    aws: str
    aws_for_application: str
    stripe: str


def issuer(settings: StackSettings, addresses: Addresses) -> Issuer:
    """Return the issuer whose tokens the stack accepts."""
    return Issuer(stack_url=addresses.web, key=signing_key(settings.home))


def cloud(settings: StackSettings, addresses: Addresses) -> Cloud:
    """Return the stack's account of the emulated AWS, not by way of the fault proxy."""
    return Cloud(endpoint_url=addresses.aws, account_id=settings.account_id)


def decided_variables(
    settings: StackSettings, addresses: Addresses, *, webhook_secret: str
) -> dict[str, str]:
    """Return the application's variables that the stack decides, whatever the template says."""
    stripe = settings.stripe or StripeAccount()
    return {
        **cloud(settings, addresses).environment(),
        "AWS_ENDPOINT_URL": addresses.aws_for_application,
        "STRIPE_API_KEY": stripe.api_key,
        "STRIPE_API_BASE": addresses.stripe,
        "STRIPE_PUBLISHABLE_KEY": stripe.publishable_key,
        "STRIPE_WEBHOOK_SECRETS": webhook_secret,
        "CURSOR_SECRET": f"cursor_{webhook_secret}",
        # Its secrets are these variables, and in no Secrets Manager.
        "STRIPE_SECRET_ID": "",
        "CURSOR_SECRET_ID": "",
        "STRIPE_JS_URL": f"{addresses.stripe}/v3/" if stripe.is_local else STRIPE_JS_URL,
        "JWT_ISSUER": issuer(settings, addresses).url,
        "JWT_AUDIENCE": AUDIENCE,
        "JWT_JWKS_URL": addresses.key_set,
        "POWERTOOLS_SERVICE_NAME": STACK_NAME,
        "POWERTOOLS_METRICS_NAMESPACE": "GatewayCredits",
        **settings.environment,
    }


def inherited_variables(*, folder: Path, root: Path) -> dict[str, str]:
    """Return what every part takes over from the environment of whoever starts it.

    Nothing that names an AWS or Stripe account comes through, and no proxy stands between
    the parts; temporary files go to `folder`.
    """
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("AWS_", "STRIPE_", "JWT_", "POWERTOOLS_", "PYTEST_", "COV_"))
    }
    exempt = ",".join(filter(None, ["127.0.0.1,localhost", kept.get("NO_PROXY", "")]))
    return {
        **kept,
        "NO_PROXY": exempt,
        "no_proxy": exempt,
        "PYTHONPATH": os.pathsep.join(dict.fromkeys((str(root), str(CHECKOUT)))),
        "PYTHONUNBUFFERED": "1",
        "TMPDIR": str(folder),
    }

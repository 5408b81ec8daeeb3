"""Which processes a local stack consists of: their commands, settings and signs of readiness."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from devstack.plan import LOOPBACK, Plan
from devstack.settings import Addresses, StackSettings
from devstack.worker import POLLERS_ENDPOINT, READY, SPEED


def aws_plan(url: str, *, folder: Path) -> Plan:
    """Return the emulated AWS at `url`, which keeps what it must write in `folder`."""
    return Plan(
        name="aws",
        command=["ministack"],
        environment={
            "GATEWAY_PORT": url.rpartition(":")[2],
            "BIND_HOST": LOOPBACK,
            "MINISTACK_HOST": LOOPBACK,
            "IOT_MTLS_ENABLED": "0",  # else it listens on a second port, on every interface
            "SFTP_ENABLED": "0",
            "STATE_DIR": str(folder / "state"),
            "LOG_LEVEL": "WARNING",
        },
        ready_url=f"{url}/_ministack/health",
        disposable=True,
    )


def faults_plan(url: str, *, upstream: str) -> Plan:
    """Return the fault proxy at `url` in front of `upstream`."""
    options = ["--upstream", upstream, "--port", url.rpartition(":")[2], "--host", LOOPBACK]
    return Plan(
        name="faults",
        command=["microburst", *options],
        ready_url=f"{url}/_microburst/health",
        disposable=True,
    )


def emulator_plans(
    settings: StackSettings, addresses: Addresses, *, folder: Path, webhook_secret: str
) -> list[Plan]:
    """Return what stands for AWS and, unless its own test mode is used, for Stripe."""
    plans = [aws_plan(addresses.aws, folder=folder)]
    if settings.faults:
        plans.append(faults_plan(addresses.aws_for_application, upstream=addresses.aws))
    if settings.stripe is not None and settings.stripe.is_local:
        webhook = ["--webhook-url", webhook_url(addresses), "--webhook-secret", webhook_secret]
        key = ["--api-key", settings.stripe.api_key]
        options = ["--port", addresses.stripe.rpartition(":")[2], *key, *webhook]
        plans.append(
            Plan(
                name="stripe",
                command=["devstack.stripe", *options],
                ready_text="ready on",
                disposable=True,
            )
        )
    return plans


def application_plans(
    settings: StackSettings,
    addresses: Addresses,
    *,
    variables: Mapping[str, str],
    web: int,
    key_set: int,
) -> list[Plan]:
    """Return the processes that run the application; `web` and `key_set` are open sockets."""
    root, home = str(settings.root), str(settings.home)
    sockets = ["--descriptor", str(web), "--key-set-descriptor", str(key_set)]
    plans = [
        Plan(
            name="web",
            command=["devstack.web", "--root", root, "--home", home, *sockets],
            environment=variables,
            descriptors=(web, key_set),
            ready_url=f"{addresses.web}/.local/jwks.json",
        )
    ]
    pollers = {POLLERS_ENDPOINT: addresses.aws, SPEED: str(settings.schedule_speed)}
    for number in range(1, settings.workers + 1):
        # A schedule is due once, however many processes there are, and so is a stream's record.
        only_queues = ["--only-queues"] if number > 1 else []
        plans.append(
            Plan(
                name=f"worker-{number}",
                command=["devstack.worker", "--root", root, *only_queues],
                environment={**variables, **pollers},
                ready_text=READY,
            )
        )
    if settings.stripe is not None and not settings.stripe.is_local:
        plans.append(
            Plan(
                name="stripe-events",
                command=["devstack.stripe_events", "--webhook-url", webhook_url(addresses)],
                environment=variables,
                ready_text="Ready",
            )
        )
    return plans


def webhook_url(addresses: Addresses) -> str:
    """Return where Stripe's events are to be delivered."""
    return f"{addresses.web}/webhooks/stripe"

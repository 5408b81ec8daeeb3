"""The local stack as one thing: its parts are started in order, watched, and stopped together."""

from __future__ import annotations

import secrets
import socket

from devstack.aws import REGION, SECRET_KEY, Cloud, create_resources, settings_of
from devstack.crew import Crew, free_url
from devstack.faults import Faults
from devstack.layout import application_plans, emulator_plans
from devstack.parts import listener
from devstack.plan import LOOPBACK
from devstack.settings import (
    STRIPE_URL,
    Addresses,
    StackSettings,
    StripeAccount,
    cloud,
    decided_variables,
    issuer,
)
from devstack.tokens import signing_key


class Stack(Crew):
    """A running local stack, or one that is about to run.

    `start` returns when every part answers; `stop` leaves no process and no file but logs and
    the signing key. As a context manager it does both.
    """

    def __init__(self, settings: StackSettings) -> None:
        super().__init__(home=settings.home, root=settings.root)
        self.settings = settings
        self.webhook_secret = f"whsec_{secrets.token_hex(24)}"
        self._variables: dict[str, str] = {}

    def __enter__(self) -> Stack:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start every part and wait until each answers.

        Raises:
            PartError: one could not start; everything else is stopped again.
            ResourceError: the emulated AWS refused the template.
        """
        try:
            self._start()
        except BaseException:
            self.stop()
            raise

    def _start(self) -> None:
        settings = self.settings
        # Both sockets are kept open here, so that a killed web process can be started again.
        self.sockets.append(web := listener(settings.port))
        self.sockets.append(key_set := listener(0))
        self.addresses = _addresses(settings, web=web, key_set=key_set)
        self.prepare()
        signing_key(settings.home)
        self.launch(
            emulator_plans(
                settings, self.addresses, folder=self.folder, webhook_secret=self.webhook_secret
            )
        )
        self.wait_for("aws")
        self._variables = create_resources(
            self.cloud,
            settings_of(settings.root),
            given=self._decided(),
            visibility_timeout_seconds=settings.visibility_timeout_seconds,
        )
        self.launch(
            application_plans(
                settings,
                self.addresses,
                variables=self.environment,
                web=web.fileno(),
                key_set=key_set.fileno(),
            )
        )
        for name in self.parts:
            self.wait_for(name)

    @property
    def url(self) -> str:
        """The address of the application."""
        return self.addresses.web

    @property
    def cloud(self) -> Cloud:
        """The stack's account of the emulated AWS, not by way of the fault proxy."""
        return cloud(self.settings, self.addresses)

    @property
    def faults(self) -> Faults:
        """The fault proxy, if the settings asked for it."""
        return Faults(url=self.addresses.aws_for_application)

    @property
    def environment(self) -> dict[str, str]:
        """The environment of the application's processes: with it, its code runs anywhere."""
        return {**self._variables, **self._decided()}

    def token(self, *, organization_id: str, scope: str) -> str:
        """Return an access token that the stack accepts."""
        signer = issuer(self.settings, self.addresses)
        return signer.token(organization_id=organization_id, scope=scope)

    def description(self) -> dict[str, str]:
        """Return what the contract promises to write to `.local/stack.json`."""
        physical = self.cloud.physical_ids()
        resources = settings_of(self.settings.root).data_resources()
        (bucket,) = (name for name, r in resources.items() if r["Type"] == "AWS::S3::Bucket")
        return {
            "url": self.url,
            "aws_endpoint_url": self.addresses.aws,
            "aws_region": REGION,
            "aws_access_key_id": self.settings.account_id,
            "aws_secret_access_key": SECRET_KEY,
            "usage_queue_url": physical["UsageQueue"],
            "bucket": physical[bucket],
            "stripe_api_base": self.addresses.stripe,
            "stripe_api_key": (self.settings.stripe or StripeAccount()).api_key,
            "stripe_webhook_secret": self.webhook_secret,
        }

    def _decided(self) -> dict[str, str]:
        return decided_variables(self.settings, self.addresses, webhook_secret=self.webhook_secret)


def _addresses(settings: StackSettings, *, web: socket.socket, key_set: socket.socket) -> Addresses:
    aws = free_url()
    account = settings.stripe or StripeAccount()
    return Addresses(
        web=f"http://{LOOPBACK}:{web.getsockname()[1]}",
        key_set=f"http://{LOOPBACK}:{key_set.getsockname()[1]}/.local/jwks.json",
        aws=aws,
        aws_for_application=free_url() if settings.faults else aws,
        stripe=free_url() if account.is_local else STRIPE_URL,
    )

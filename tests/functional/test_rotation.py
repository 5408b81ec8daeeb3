"""Stripe's key, its webhook secret and the cursors' key are replaced while the application runs."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import boto3
import pytest
from botocore.config import Config
from stripe import WebhookSignature

from chalicelib.adapters import secrets
from devstack.emulator import Emulator
from devstack.stripe.keys import Keys
from tests.functional.api import Answer, Api, running_api

STRIPE, CURSORS = "credits/stripe", "credits/cursors"
EVENT = {
    "id": "evt_1",
    "object": "event",
    "type": "payment_intent.succeeded",
    "data": {"object": {"id": "pi_1", "object": "payment_intent"}},
}


@dataclass(frozen=True, kw_only=True)
class Installation:
    """A running application whose secrets are in Secrets Manager."""

    api: Api
    manager: Any

    def put(self, secret_id: str, **fields: str) -> None:
        """What the operator does to replace one."""
        self.manager.put_secret_value(SecretId=secret_id, SecretString=json.dumps(fields))

    def webhook(self, secret: str) -> Answer:
        """Stripe sends an event, signed."""
        text = json.dumps(EVENT)
        signature = WebhookSignature.generate_signature_header(
            text, secret, timestamp=int(time.time())
        )
        return self.api.call(
            "POST", "//webhooks/stripe", raw=text.encode(), headers={"Stripe-Signature": signature}
        )

    def set_up_card(self) -> Answer:
        """A call that needs Stripe."""
        return self.api.call("POST", "acme/payment-methods/setup", scope="credits:write")

    def ledger(self, **query: str) -> Answer:
        return self.api.call("GET", "acme/ledger", scope="credits:read", query=query)


@pytest.fixture
def installation(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> Iterator[Installation]:
    given = {
        "STRIPE_SECRET_ID": STRIPE,
        "CURSOR_SECRET_ID": CURSORS,
        "STRIPE_API_KEY": "",
        "STRIPE_WEBHOOK_SECRETS": "",
        "CURSOR_SECRET": "",
    }
    # What was read a moment ago may be read again: no test waits for half a minute.
    monkeypatch.setattr(secrets, "RENEWAL_PAUSE_SECONDS", 0.0)
    with running_api(emulator, **given) as api:
        endpoint = os.environ["AWS_ENDPOINT_URL"]
        manager = boto3.Session().client(
            "secretsmanager", endpoint_url=endpoint, config=Config(proxies={})
        )
        manager.create_secret(
            Name=STRIPE,
            SecretString=json.dumps(
                {"api_key": api.stripe.api_key, "webhook_secrets": "whsec_first"}
            ),
        )
        manager.create_secret(Name=CURSORS, SecretString=json.dumps({"key": "first"}))
        yield Installation(api=api, manager=manager)


def test_a_revoked_key_is_replaced_by_the_new_one_at_the_next_call(
    installation: Installation,
) -> None:
    assert installation.set_up_card().status == 200
    installation.api.stripe.api.keys = Keys(secret="sk_test_second")  # the first is revoked
    assert installation.set_up_card().status == 503, "nobody has told us of the new one"
    installation.put(STRIPE, api_key="sk_test_second", webhook_secrets="whsec_first")
    assert installation.set_up_card().status == 200


def test_a_purchase_with_a_revoked_key_is_charged_once(installation: Installation) -> None:
    card = installation.api.card("acme")
    installation.put(STRIPE, api_key="sk_test_second", webhook_secrets="whsec_first")
    installation.api.stripe.api.keys = Keys(secret="sk_test_second")
    bought = installation.api.call(
        "POST",
        "acme/purchases",
        body={"amount": "25.00", "payment_method_id": card},
        scope="credits:write",
        key="once",
    )
    assert bought.status == 201
    assert bought.json()["status"] == "succeeded"
    credits_ = installation.api.call("GET", "acme/credits", scope="credits:read")
    assert credits_.json()["available"] == "25.00"
    assert len(installation.ledger().json()["data"]) == 1


def test_a_webhook_that_the_new_secret_signed_is_accepted(installation: Installation) -> None:
    assert installation.webhook("whsec_first").status == 200
    assert installation.webhook("whsec_second").code == "invalid_signature"
    installation.put(
        STRIPE,
        api_key=installation.api.stripe.api_key,
        webhook_secrets="whsec_second,whsec_first",
    )
    assert installation.webhook("whsec_second").status == 200
    assert installation.webhook("whsec_first").status == 200
    assert installation.webhook("whsec_of_somebody_else").code == "invalid_signature"


def test_a_cursor_of_the_new_key_is_accepted_and_of_the_old_as_long_as_it_is_named(
    installation: Installation,
) -> None:
    for _ in range(3):
        installation.api.fund("acme", "5.00")
    old = installation.ledger(limit="1").json()["next_cursor"]
    installation.put(CURSORS, key="second,first")
    assert installation.ledger(cursor="forged").status == 400  # and the new key is known
    new = installation.ledger(limit="1").json()["next_cursor"]
    assert old != new
    assert {installation.ledger(cursor=cursor).status for cursor in (old, new)} == {200}
    installation.put(CURSORS, key="second")
    assert installation.ledger(cursor="forged").status == 400
    assert (installation.ledger(cursor=old).status, installation.ledger(cursor=new).status) == (
        400,
        200,
    )


def test_without_its_secret_nothing_is_charged_and_the_customer_may_try_again(
    installation: Installation,
) -> None:
    installation.manager.delete_secret(SecretId=STRIPE, ForceDeleteWithoutRecovery=True)
    assert installation.set_up_card().status == 503

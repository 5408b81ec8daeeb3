"""What proves that Stripe sent an event, and what is taken from it."""

from __future__ import annotations

import json
import time

import pytest
from stripe import WebhookSignature

from chalicelib.adapters.stripe_webhooks import WebhookError, verified_event

SECRET, OTHER = "whsec_one", "whsec_two"
DETACHED = {
    "id": "evt_1",
    "type": "payment_method.detached",
    "data": {
        "object": {"id": "pm_1", "object": "payment_method", "customer": None, "metadata": {}},
        "previous_attributes": {"customer": "cus_1"},
    },
}
DELETED = {
    "id": "evt_2",
    "type": "customer.deleted",
    "data": {
        "object": {"id": "cus_1", "object": "customer", "metadata": {"organization_id": "acme"}}
    },
}


def _signed(event: object, *, secret: str = SECRET, age: int = 0) -> tuple[bytes, str]:
    text = json.dumps(event)
    at = int(time.time()) - age
    header = WebhookSignature.generate_signature_header(text, secret, timestamp=at)
    return text.encode(), header


def _read(raw: bytes, signature: str, *secrets: str) -> object:
    return verified_event(raw, signature=signature, secrets=secrets or (SECRET,))


def test_an_event_of_a_card_that_was_detached_still_says_whose_it_was() -> None:
    assert _read(*_signed(DETACHED)) == {
        "id": "evt_1",
        "type": "payment_method.detached",
        "object_id": "pm_1",
        "customer_id": "cus_1",
    }


def test_an_event_of_a_deleted_customer_still_says_who_it_was() -> None:
    assert _read(*_signed(DELETED)) == {
        "id": "evt_2",
        "type": "customer.deleted",
        "object_id": "cus_1",
        "customer_id": "cus_1",
        "organization_id": "acme",
    }


def test_an_event_of_a_payment_says_for_the_log_what_was_bought() -> None:
    metadata = {"organization_id": "acme", "purchase_id": "pur_1"}
    payment = {"id": "pi_1", "object": "payment_intent", "customer": "cus_1", "metadata": metadata}
    event = {"id": "evt_3", "type": "payment_intent.succeeded", "data": {"object": payment}}
    read = _read(*_signed(event))
    assert isinstance(read, dict)
    assert {"purchase_id": "pur_1", "organization_id": "acme"}.items() <= read.items()


@pytest.mark.parametrize("secret", [SECRET, OTHER])
def test_while_one_secret_replaces_the_other_both_prove_it(secret: str) -> None:
    assert _read(*_signed(DELETED, secret=secret), SECRET, OTHER)


def test_a_secret_that_was_taken_out_proves_nothing_any_more() -> None:
    with pytest.raises(WebhookError, match="prove"):
        _read(*_signed(DELETED, secret=OTHER))


def test_an_old_signature_proves_nothing_so_that_nobody_can_replay_it() -> None:
    assert _read(*_signed(DELETED, age=290))
    with pytest.raises(WebhookError, match="prove"):
        _read(*_signed(DELETED, age=310))


@pytest.mark.parametrize("signature", ["", "t=1", "v1=ab", "t=x,v1=y", "nonsense", "t=1,v1=ff"])
def test_what_is_no_signature_proves_nothing(signature: str) -> None:
    with pytest.raises(WebhookError, match="prove"):
        _read(_signed(DELETED)[0], signature)


def test_a_body_that_was_changed_by_a_space_is_not_what_was_signed() -> None:
    raw, signature = _signed(DELETED)
    with pytest.raises(WebhookError, match="prove"):
        _read(raw + b" ", signature)


@pytest.mark.parametrize(
    "event",
    [
        [],
        "text",
        {"id": "evt_1"},
        {"id": "evt_1", "type": "x", "data": {}},
        {"id": "evt_1", "type": "x", "data": {"object": {}}},
        {"id": "evt_1", "type": "x", "data": {"object": []}},
        {"id": "evt_1", "type": "x", "data": {"object": {"id": "a", "metadata": [1]}}},
    ],
)
def test_what_is_signed_but_no_event_is_refused(event: object) -> None:
    with pytest.raises(WebhookError, match="no event"):
        _read(*_signed(event))


def test_bytes_that_are_no_text_are_refused() -> None:
    with pytest.raises(WebhookError, match="UTF-8"):
        _read(b"\xff\xfe", "t=1,v1=ab")

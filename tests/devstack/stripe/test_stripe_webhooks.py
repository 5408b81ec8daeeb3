"""Events: signed, sent again until they arrive, and disturbed on request."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
import stripe

from devstack.stripe.server import LocalStripe
from tests.devstack.stripe.conftest import SECRET, Sink, types_of, wait_until

Control = Callable[..., dict[str, Any]]


def settle(local: LocalStripe) -> None:
    assert local.webhooks.wait_until_idle()


def make_customers(client: stripe.StripeClient, count: int) -> list[str]:
    return [client.v1.customers.create().id for _ in range(count)]


def customers_told(sink: Sink) -> list[str]:
    return [json.loads(body)["data"]["object"]["id"] for _, body in sink.received]


def test_an_event_arrives_signed_in_the_pinned_version(
    client: stripe.StripeClient, local: LocalStripe, sink: Sink
) -> None:
    made = client.v1.customers.create(
        params={"name": "Zoë"}, options={"idempotency_key": "the-key"}
    )
    settle(local)
    signature, body = sink.received[0]
    event = client.construct_event(body, signature, SECRET)
    assert event.type == "customer.created"
    assert event.api_version == stripe.api_version
    assert event.data.object["id"] == made.id
    assert event.request is not None
    assert event.request.idempotency_key == "the-key"
    with pytest.raises(stripe.SignatureVerificationError):
        client.construct_event(body, signature, "whsec_of_somebody_else")
    with pytest.raises(stripe.SignatureVerificationError):
        client.construct_event(body.replace(b"Zo", b"Zu"), signature, SECRET)


def test_an_undelivered_event_is_tried_again_and_then_counts_as_delivered(
    client: stripe.StripeClient, local: LocalStripe, sink: Sink
) -> None:
    sink.statuses = [500, 302]
    client.v1.customers.create()
    settle(local)
    assert [item.status for item in local.webhooks.deliveries()] == [500, 302, 200]
    assert {body for _, body in sink.received} == {sink.received[0][1]}
    assert local.state.all("event")[0]["pending_webhooks"] == 0


def test_an_event_that_never_arrives_can_be_found_by_the_list(
    client: stripe.StripeClient, local: LocalStripe, sink: Sink
) -> None:
    sink.statuses = [500] * 4
    lost, kept = make_customers(client, 1)[0], None
    settle(local)
    kept = make_customers(client, 1)[0]
    settle(local)
    events = client.v1.events
    missed = events.list(params={"delivery_success": False}).data
    assert [event.data.object["id"] for event in missed] == [lost]
    assert missed[0].pending_webhooks == 1
    arrived = events.list(params={"delivery_success": True}).data
    assert [event.data.object["id"] for event in arrived] == [kept]


def test_events_are_listed_by_type_and_page(
    client: stripe.StripeClient, local: LocalStripe
) -> None:
    first, second = make_customers(client, 2)
    client.v1.customers.update(first, params={"name": "x"})
    client.v1.customers.delete(second)
    events = client.v1.events
    created = events.list(params={"type": "customer.created", "limit": 1})
    assert [event.data.object["id"] for event in created.auto_paging_iter()] == [second, first]
    some = events.list(params={"types": ["customer.updated", "customer.deleted"]}).data
    assert [event.type for event in some] == ["customer.deleted", "customer.updated"]
    assert events.retrieve(some[0].id).type == "customer.deleted"


def test_an_event_shows_the_object_as_it_was(
    client: stripe.StripeClient, local: LocalStripe
) -> None:
    made = client.v1.customers.create(params={"name": "before"})
    client.v1.customers.update(made.id, params={"name": "after"})
    names = [event["data"]["object"]["name"] for event in local.state.all("event")]
    assert names == ["before", "after"]


def test_while_a_secret_is_rolled_both_are_valid(
    client: stripe.StripeClient, local: LocalStripe, control: Control, sink: Sink
) -> None:
    control("POST", "/webhooks", url=sink.url, secrets=["whsec_new", SECRET])
    client.v1.customers.create()
    settle(local)
    signature, body = sink.received[0]
    for secret in ("whsec_new", SECRET):
        assert client.construct_event(body, signature, secret).type == "customer.created"


def test_events_can_be_duplicated(
    client: stripe.StripeClient, local: LocalStripe, control: Control, sink: Sink
) -> None:
    control("POST", "/disturbances", action="duplicate", copies=3, types=["customer.*"])
    first, second = make_customers(client, 2)
    settle(local)
    assert sorted(customers_told(sink)) == sorted([first] * 3 + [second])


def test_events_can_be_lost_and_sent_again_by_hand(
    client: stripe.StripeClient, local: LocalStripe, control: Control, sink: Sink
) -> None:
    control("POST", "/disturbances", action="drop", count=None, types=["customer.created"])
    made = make_customers(client, 1)[0]
    client.v1.customers.update(made, params={"name": "x"})
    settle(local)
    assert sink.types() == ["customer.updated"]
    lost = client.v1.events.list(params={"delivery_success": False}).data[0]
    control("POST", f"/events/{lost.id}/resend", copies=2)
    settle(local)
    assert sink.types() == ["customer.updated", "customer.created", "customer.created"]
    control("DELETE", "/disturbances")
    make_customers(client, 1)
    settle(local)
    assert sink.types()[-1] == "customer.created"


def test_one_occurrence_can_be_told_by_two_events(
    client: stripe.StripeClient, local: LocalStripe, control: Control, sink: Sink
) -> None:
    made = make_customers(client, 1)[0]
    first = local.state.all("event")[0]["id"]
    control("POST", f"/events/{first}/repeat")
    settle(local)
    assert customers_told(sink) == [made, made]
    assert len({json.loads(body)["id"] for _, body in sink.received}) == 2


def test_events_can_be_delayed(
    client: stripe.StripeClient, local: LocalStripe, control: Control, sink: Sink
) -> None:
    control("POST", "/disturbances", action="delay", delay_seconds=0.3)
    late, early = make_customers(client, 2)
    settle(local)
    assert customers_told(sink) == [early, late]


def test_events_can_be_reordered(
    client: stripe.StripeClient, local: LocalStripe, control: Control, sink: Sink
) -> None:
    control("POST", "/disturbances", action="reorder", count=4)
    made = make_customers(client, 4)
    settle(local)
    assert customers_told(sink) == made[::-1]


def test_events_can_be_held_and_released_in_any_order(
    client: stripe.StripeClient, local: LocalStripe, control: Control, sink: Sink
) -> None:
    control("POST", "/disturbances", action="hold", count=None)
    made = make_customers(client, 6)
    settle(local)
    assert sink.received == []
    assert control("POST", "/disturbances/release", order="shuffle", seed=3) == {"released": 6}
    settle(local)
    assert sorted(customers_told(sink)) == sorted(made)
    assert customers_told(sink) != made


def test_every_event_of_a_purchase_is_delivered(
    client: stripe.StripeClient, local: LocalStripe, sink: Sink
) -> None:
    client.v1.payment_intents.create(
        params={
            "amount": 500,
            "currency": "usd",
            "payment_method": "pm_card_visa",
            "confirm": True,
            "off_session": True,
        }
    )
    wait_until(lambda: len(sink.received) == 3, "three events")
    assert sorted(sink.types()) == sorted(types_of(local))

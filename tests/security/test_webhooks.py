"""Somebody who isn't Stripe, or Stripe's own words again: an event is believed only when signed.

What is taken from an event, and its order, are in tests/unit/test_stripe_webhooks.py and
tests/functional/test_webhook_orders.py.
"""

from __future__ import annotations

import hmac
import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import stripe

from chalicelib.adapters.stripe_webhooks import WebhookError, verified_event
from chalicelib.api.cursors import make_cursor, read_cursor
from chalicelib.domain.errors import InvalidRequestError
from chalicelib.domain.payment import PaymentRefusedError
from devstack.emulator import Emulator
from tests.functional.api import Answer, Api, running_api
from tests.security.routes import Organization, state_of


@pytest.fixture(scope="module")
def api(emulator: Emulator) -> Iterator[Api]:
    with running_api(emulator) as running:
        yield running


@pytest.fixture(scope="module")
def paid(api: Api) -> Organization:
    """An organization whose purchases were paid and credited."""
    return Organization.seeded(api, "paid")


def event(object_id: str = "pi_1", **changes: object) -> bytes:
    whole: dict[str, object] = {
        "id": "evt_1",
        "object": "event",
        "type": "payment_intent.succeeded",
        "livemode": False,
        "data": {"object": {"id": object_id, "object": "payment_intent", "metadata": {}}},
        **changes,
    }
    return json.dumps(whole).encode()


def signature(api: Api, raw: bytes, *, secret: str | None = None, at: int | None = None) -> str:
    generate: Any = stripe.WebhookSignature.generate_signature_header
    own = api.stripe.webhook_secrets[0]
    return str(generate(raw.decode(), secret or own, timestamp=at))


def send(api: Api, raw: bytes, header: str | None) -> Answer:
    headers = {} if header is None else {"Stripe-Signature": header}
    return api.call("POST", "//webhooks/stripe", raw=raw, headers=headers)


def waiting(api: Api) -> int:
    """How many events were kept for the worker."""
    client = api.services._client("sqs")
    url = api.services.settings.payment_event_queue_url
    name = "ApproximateNumberOfMessages"
    return int(client.get_queue_attributes(QueueUrl=url, AttributeNames=[name])["Attributes"][name])


def require_refused(api: Api, raw: bytes, header: str | None) -> None:
    kept = waiting(api)
    answer = send(api, raw, header)
    assert (answer.status, answer.code) == (400, "invalid_signature")
    assert waiting(api) == kept, "nothing is kept for the worker"


def test_a_good_event_is_kept(api: Api) -> None:
    kept = waiting(api)
    raw = event()
    assert send(api, raw, signature(api, raw)).status == 200
    assert waiting(api) == kept + 1


def test_an_event_without_a_signature_is_refused(api: Api) -> None:
    require_refused(api, event(), None)


def test_an_event_signed_with_another_secret_is_refused(api: Api) -> None:
    for secret in ("whsec_other", api.stripe.api_key, "whsec_", "nobody's"):
        require_refused(api, event(), signature(api, event(), secret=secret))


def test_a_stale_event_is_refused(api: Api) -> None:
    raw, now = event(), int(time.time())
    assert send(api, raw, signature(api, raw, at=now - 290)).status == 200
    for age in (310, 86_400, now):
        require_refused(api, raw, signature(api, raw, at=now - age))


def test_another_time_for_the_same_signature_is_refused(api: Api) -> None:
    """A stale event can't be made fresh: the time is part of what was signed."""
    raw, now = event(), int(time.time())
    stale = signature(api, raw, at=now - 1000)
    require_refused(api, raw, stale.replace(f"t={now - 1000}", f"t={now}"))
    require_refused(api, raw, f"t={now}," + stale)


def test_every_single_byte_of_the_body_counts(api: Api) -> None:
    raw = event()
    header = signature(api, raw)
    for place in range(0, len(raw), 7):
        spoiled = raw[:place] + bytes([raw[place] ^ 1]) + raw[place + 1 :]
        require_refused(api, spoiled, header)
    for spoiled in (raw + b"\n", b" " + raw, raw[:-1], raw + b"\x00", b""):
        require_refused(api, spoiled, header)


def test_only_the_scheme_v1_counts_and_one_good_signature_of_several_suffices(api: Api) -> None:
    raw = event()
    at, _, good = signature(api, raw).partition(",v1=")
    require_refused(api, raw, f"{at},v0={good}")
    require_refused(api, raw, f"{at},V1={good}")
    require_refused(api, raw, f"{at},v1={'0' * 64},v0={good}")
    require_refused(api, raw, f"{at},v1={good[:-1]}")
    require_refused(api, raw, f"{at},v1={good.upper()}")
    assert send(api, raw, f"{at},v1={'0' * 64},v1={good}").status == 200


@pytest.mark.parametrize(
    "end",
    ["v1=é", "v1=\udcff", "v1=" + "a" * 100_000, ",".join(["v1=00"] * 1000), "v1==", "v1"],
    ids=lambda end: ascii(end)[:20],
)
def test_a_strange_signature_is_refused_and_no_bug_of_ours(api: Api, end: str) -> None:
    require_refused(api, event(), f"t={int(time.time())},{end}")


@pytest.mark.parametrize("time_", ["9" * 5000, "-1", "1e9", "NaN", "٣", ""])
def test_a_strange_time_is_refused(api: Api, time_: str) -> None:
    require_refused(api, event(), f"t={time_},v1=00")


def test_a_body_of_five_megabytes_is_refused_by_its_signature(api: Api) -> None:
    huge = event(padding="x" * 5_000_000)
    require_refused(api, huge, signature(api, event()))


@pytest.mark.parametrize("raw", [b"\xff\xfe", b"\x80", b'{"id": "\xed\xa0\x80"}', b"\x00" * 100])
def test_a_body_that_is_no_text_is_refused(api: Api, raw: bytes) -> None:
    require_refused(api, raw, f"t={int(time.time())},v1=00")


@pytest.mark.parametrize(
    "raw",
    [
        b"[" * 100_000,
        b'{"id":' * 100_000,
        event(id=["evt"]),
        event(type={"x": 1}),
        event(data={"object": {"id": 7}}),
        event(data={"object": {"id": None}}),
    ],
    ids=lambda raw: raw[:30].decode(),
)
def test_a_signed_body_that_is_no_event_is_refused(api: Api, raw: bytes) -> None:
    require_refused(api, raw, signature(api, raw))


def test_a_replay_within_the_five_minutes_has_no_second_effect(
    api: Api, paid: Organization
) -> None:
    purchase = api.services.purchases.get(paid.id, paid.ids["purchase_id"])
    assert purchase is not None
    raw = event(purchase.payment_id or "")
    header = signature(api, raw)
    before = state_of(api)
    for _ in range(5):
        assert send(api, raw, header).status == 200
        read = api.services.verify_stripe_event(raw, header)
        assert read is not None
        api.services.receiving.receive(read, now=purchase.created_at)
    assert state_of(api) == before


def test_what_an_event_claims_is_not_believed_but_asked(api: Api, paid: Organization) -> None:
    """Signed or not, an amount, a status or a mode in it is nothing: the object is fetched."""
    before = state_of(api)
    claims = {
        "id": "pi_of_the_other_mode",
        "object": "payment_intent",
        "status": "succeeded",
        "amount_received": 1_000_000,
        "livemode": True,
        "metadata": {"organization_id": paid.id, "purchase_id": "pur_1"},
    }
    raw = event(livemode=True, data={"object": claims})
    read = api.services.verify_stripe_event(raw, signature(api, raw))
    assert read is not None
    assert "amount_received" not in read
    with pytest.raises(PaymentRefusedError):
        api.services.receiving.receive(read, now=datetime.now(UTC))
    assert state_of(api) == before


@pytest.mark.parametrize("always", [True, False])
def test_signatures_are_compared_in_constant_time(
    monkeypatch: pytest.MonkeyPatch, *, always: bool
) -> None:
    """Shown by who decides: whatever `hmac.compare_digest` says is what is done."""
    compared: list[tuple[object, object]] = []

    def compare(one: object, other: object) -> bool:
        compared.append((one, other))
        return always

    generate: Any = stripe.WebhookSignature.generate_signature_header
    raw = event()
    good = str(generate(raw.decode(), "whsec_own"))
    cursor = make_cursor(b"secret", list_name="ledger/acme", after="ent_1")
    monkeypatch.setattr(hmac, "compare_digest", compare)

    def webhook() -> bool:
        try:
            verified_event(raw, signature=good, secrets=("whsec_own" if not always else "other",))
        except WebhookError:
            return False
        return True

    def listed() -> bool:
        try:
            read_cursor(b"secret" if not always else b"x", list_name="ledger/acme", cursor=cursor)
        except InvalidRequestError:
            return False
        return True

    assert (webhook(), listed()) == (always, always)
    assert len(compared) == 2

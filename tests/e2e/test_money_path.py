"""The money path, stop by stop, through API Gateway, the queues, the streams and the schedule.

Each stop is also asked for what makes no sense. Nothing calls a function but what calls it on
AWS: the two rules fire by themselves, the reconciliation's a little more often than it is set to.
"""

from __future__ import annotations

import json
import logging
import time
from decimal import Decimal
from typing import Any

import pytest

from devstack.client import UnexpectedAnswerError, request
from devstack.seed import BILLING_DETAILS
from devstack.stripe.sending import Endpoint, post
from tests.e2e.deployment import SENDER, WEBHOOK_SECRET, Deployment
from tests.e2e.tally import Tally
from tests.support.actor import Actor, wait_for

pytestmark = [pytest.mark.slow]
station = pytest.mark.station
logger = logging.getLogger(__name__)

NEEDS_ACTION = "pm_card_authenticationRequired"
DECLINED = "pm_card_chargeCustomerFail"
#: The emulated EventBridge looks every ten seconds whether the minute of a rule is over.
SCHEDULE_SECONDS = 180.0
HELD = "4.00"


@pytest.fixture
def actor(deployment: Deployment) -> Actor:
    return Actor(deployment, "acme")


@pytest.fixture(scope="module")
def expiring(deployment: Deployment) -> Actor:
    """One whose hold is left to expire while the other tests run."""
    actor = Actor(deployment, "expiring")
    actor.buy("10.00", actor.save_card())
    actor.gateway.post("/holds", {"amount": HELD, "expires_in_seconds": 10})
    return actor


@pytest.fixture(scope="module")
def ear(deployment: Deployment) -> str:
    """A queue behind a rule for all that the bus tells, and people who can get mail."""
    events, sqs = deployment.cloud.client("events"), deployment.cloud.client("sqs")
    url: str = sqs.create_queue(QueueName="ear")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]
    bus = deployment.physical_ids["EventBus"]
    pattern = json.dumps({"source": ["gateway-credits"]})
    events.put_rule(Name="all", EventBusName=bus, EventPattern=pattern)
    target = {"Id": "ear", "Arn": arn["QueueArn"]}
    events.put_targets(Rule="all", EventBusName=bus, Targets=[target])
    for address in (SENDER, str(BILLING_DETAILS["email"])):
        deployment.cloud.client("sesv2").create_email_identity(EmailIdentity=address)
    return url


def assert_conserved(actor: Actor) -> None:
    """The first law, over the API."""
    entries = actor.customer.get("/ledger", limit="100")["data"]
    credits_ = actor.customer.get("/credits")
    kept = Decimal(credits_["available"]) + Decimal(credits_["held"])
    assert sum(Decimal(entry["amount"]) for entry in entries) == kept


def refused(status: int, code: str, call: Any, *arguments: Any, **named: Any) -> None:
    """Check that a call is refused so, by its status and by the contract's code."""
    with pytest.raises(UnexpectedAnswerError) as refusal:
        call(*arguments, **named, expected=0)
    assert refusal.value.status == status, refusal.value
    assert f'"{code}"' in str(refusal.value)


@station
def test_a_purchase(expiring: Actor, ear: str, actor: Actor) -> None:
    card = actor.save_card()
    bought = actor.buy("50.00", card, key="once")
    assert bought["status"] == "succeeded"
    assert actor.buy("50.00", card, key="once") == bought
    assert actor.available() == 50
    order = {"amount": "50.00", "payment_method_id": card}
    post = actor.customer.post
    refused(
        409, "idempotency_conflict", post, "/purchases", order | {"amount": "51.00"}, key="once"
    )
    refused(422, "validation_failed", post, "/purchases", order | {"amount": "4.99"})
    refused(400, "invalid_request", post, "/purchases", order | {"amount": 50})
    refused(400, "invalid_request", post, "/purchases", order | {"discount": "49.00"})
    refused(400, "idempotency_key_required", actor.customer.call, "POST", "/purchases", body=order)
    refused(403, "forbidden", actor.gateway.post, "/purchases", order)
    refused(404, "not_found", _in(expiring, of=actor).post, "/purchases", order)
    refused(402, "card_declined", actor.buy, "50.00", actor.save_card(DECLINED))
    assert actor.available() == 50
    assert_conserved(actor)


def _in(other: Actor, *, of: Actor) -> Any:
    """Somebody with a good token, that is not for this organization."""
    client = of.customer
    return type(client)(url=client.url, organization_id=other.name, token=client.token)


@station
def test_a_webhook(deployment: Deployment, actor: Actor) -> None:
    # This card's payment waits for the customer, so that the webhook alone tells of its success.
    bought = actor.buy("25.00", actor.save_card(NEEDS_ACTION))
    assert bought["status"] == "requires_action"
    intent = bought["client_secret"].partition("_secret_")[0]
    address = f"{deployment.url}/webhooks/stripe"
    event = {"id": "evt_forged", "object": "event", "type": "payment_intent.succeeded"}
    forged = json.dumps(event | {"data": {"object": {"id": intent, "object": "payment_intent"}}})
    assert request("POST", address, data=forged).status_code == 400, "not signed"
    for secret, status in (("whsec_of_somebody_else", 400), (WEBHOOK_SECRET, 200)):
        endpoint = Endpoint(url=address, secrets=(secret,))
        assert post(endpoint, forged, timeout_seconds=30) == status
    # The forger who knows the secret gains nothing: what Stripe says of the payment counts.
    assert actor.available() == 0
    actor.control(f"/payment_intents/{intent}/authenticate", outcome="accept")
    actor.wait_for_available("25")
    assert_conserved(actor)


@station
def test_usage(deployment: Deployment, actor: Actor) -> None:
    actor.operator.post("/adjustments", {"amount": "50.00", "reason": "a present"})
    deducted = actor.gateway.post("/deductions", {"amount": "1.25"})
    assert Decimal(deducted["available"]) == Decimal("48.75")
    call = {"kind": "model", "provider": "openai", "calls": 1, "input_tokens": 1_000_000}
    search = {"kind": "amount", "amount": "0.0125", "description": "search"}
    priced, paid = actor.report(call | {"model": "gpt-4o"}), actor.report(search)
    odd = actor.report(call | {"model": "nobody-sells-this"})
    other = {**paid, "lines": [search | {"amount": "0.0126"}]}
    actor.send(priced, odd, paid, priced, other, {"no": "report"}, paid)

    def used() -> list[dict[str, Any]]:
        entries: list[dict[str, Any]] = actor.customer.get("/ledger")["data"]
        return [entry for entry in entries if entry["cause"].startswith("report#")]

    wait_for("both reports", lambda: len(used()) == 2)
    amounts = {entry["cause"]: Decimal(entry["amount"]) for entry in used()}
    assert amounts[f"report#{paid['report_id']}"] == Decimal("-0.0125")
    assert amounts[f"report#{priced['report_id']}"] < -1
    set_aside = _wait_for_letters(deployment, 3)
    assert "nobody-sells-this" in set_aside[json.dumps(odd)]
    assert "other content" in set_aside[json.dumps(other)]
    assert set_aside[json.dumps({"no": "report"})]
    assert actor.available() == Decimal("48.75") + sum(amounts.values())
    refused(402, "insufficient_credits", actor.gateway.post, "/deductions", {"amount": "60.00"})
    refused(403, "forbidden", actor.customer.post, "/deductions", {"amount": "1.00"})
    refused(422, "validation_failed", actor.gateway.post, "/deductions", {"usage": odd["lines"]})
    assert_conserved(actor)


def _wait_for_letters(deployment: Deployment, count: int) -> dict[str, str]:
    """The reports that were set aside, each with its reason; they are taken from the queue."""
    sqs, url = deployment.cloud.client("sqs"), deployment.physical_ids["UsageDeadLetterQueue"]
    letters: dict[str, str] = {}

    def all_there() -> bool:
        answer = sqs.receive_message(
            QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"]
        )
        for message in answer.get("Messages", ()):
            letters[message["Body"]] = message["MessageAttributes"]["reason"]["StringValue"]
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return len(letters) == count

    wait_for("what was set aside", all_there)
    return letters


@station
def test_an_automatic_top_up(actor: Actor) -> None:
    order = {"enabled": True, "threshold": "20.00", "amount": "25.00", "monthly_limit": None}
    put = actor.customer.call
    refused(409, "conflict", put, "PUT", "/auto-top-up", body=order)
    actor.save_card()
    refused(422, "validation_failed", put, "PUT", "/auto-top-up", body=order | {"amount": "4.99"})
    actor.operator.post("/adjustments", {"amount": "30.00", "reason": "a present"})
    actor.order_top_ups(monthly_limit="25.00")
    # Below the threshold by queue, so that nothing but the hint leads to the charge.
    actor.send(actor.report({"kind": "amount", "amount": "15.00", "description": "search"}))
    actor.wait_for_available("40")
    charged = actor.customer.get("/transactions")["data"]
    assert [(line["type"], line["amount"]) for line in charged] == [("auto_top_up", "25.00")]
    # A declined card is not charged again at once.
    actor.order_top_ups()
    actor.save_card(DECLINED)
    actor.gateway.post("/deductions", {"amount": "30.00"})
    actor.wait_for_top_up("backing_off")
    assert actor.available() == 10
    assert_conserved(actor)


@station
def test_an_invoice(deployment: Deployment, actor: Actor, expiring: Actor) -> None:
    bought = actor.buy("50.00", actor.save_card())
    path = f"/transactions/{bought['id']}/invoice"
    for form, start in (("pdf", b"%PDF-"), ("html", b"<!doctype html>")):
        wait_for("the invoice", lambda: _stored(actor, path))
        link = actor.customer.get(path, format=form)
        document = request("GET", link["url"])
        assert (document.status_code, document.content[:15].lower()[: len(start)]) == (
            200,
            start.lower(),
        )
        # The link is for this document alone, and for nobody who changes it.
        assert request("GET", link["url"].replace("Signature=", "Signature=0")).status_code == 403
    refused(404, "not_found", actor.customer.call, "GET", "/transactions/pur_none/invoice")
    refused(404, "not_found", _in(expiring, of=actor).call, "GET", path)
    with pytest.raises(UnexpectedAnswerError) as declined:
        actor.buy("50.00", actor.save_card(DECLINED))
    purchase = json.loads(str(declined.value).partition(": ")[2])["purchase_id"]
    refused(404, "not_found", actor.customer.call, "GET", f"/transactions/{purchase}/invoice")


def _stored(actor: Actor, path: str) -> bool:
    try:
        return bool(actor.customer.get(path))
    except UnexpectedAnswerError as error:
        if error.status == 202:
            return False
        raise


@station
def test_a_refund(actor: Actor) -> None:
    bought = actor.buy("50.00", actor.save_card())
    path, order = f"/purchases/{bought['id']}/refunds", {"amount": "20.00", "reason": "too much"}
    post = actor.operator.post
    refused(403, "forbidden", actor.customer.post, path, order)
    refused(422, "validation_failed", post, path, order | {"amount": "50.01"})
    refused(422, "validation_failed", post, path, order | {"reason": " "})
    refused(404, "not_found", post, "/purchases/pur_none/refunds", order)
    made = post(path, order, key="once")
    assert post(path, order, key="once") == made
    assert actor.available() == 30
    # Stripe told of it as well, which changes nothing; of this one Stripe alone tells.
    intent = actor.intent_of(bought["id"])
    actor.stripe("POST", "/refunds", payment_intent=intent, amount=500)
    actor.wait_for_available("25")
    refused(422, "validation_failed", post, path, order | {"amount": "25.01"})
    note = made["credit_note"]["number"]
    wait_for("the credit note", lambda: _stored(actor, f"/documents/{note}"))
    (line,) = actor.customer.get("/transactions")["data"]
    assert line["refunded_amount"] == "25.00"
    assert_conserved(actor)


@station
def test_a_hold(actor: Actor) -> None:
    actor.operator.post("/adjustments", {"amount": "10.00", "reason": "a present"})
    post = actor.gateway.post
    refused(402, "insufficient_credits", post, "/holds", {"amount": "10.01"})
    refused(422, "validation_failed", post, "/holds", {"amount": "1.00", "expires_in_seconds": 9})
    hold = post("/holds", {"amount": "6.00"})
    path = f"/holds/{hold['id']}"
    refused(402, "insufficient_credits", post, "/deductions", {"amount": "4.01"})
    part = post(f"{path}/settle", {"amount": "1.50", "final": False}, key="part", expected=200)
    assert part["remaining"] == "4.50"
    refused(404, "not_found", post, "/holds/hold_none/release", {})
    # The rest by queue, more than is left of it: usage that happened is never refused.
    line = {"kind": "amount", "amount": "5.00", "description": "search"}
    actor.send(actor.report(line, hold_id=hold["id"], final=True))
    actor.wait_for_available("3.50")
    refused(409, "idempotency_conflict", post, f"{path}/settle", {"amount": "1.51"}, key="part")
    assert post(f"{path}/settle", {"amount": "1.50", "final": False}, key="part", expected=200)
    assert actor.customer.get("/credits")["held"] == "0.00"
    assert_conserved(actor)


@station
def test_usage_is_summed_from_the_stream(actor: Actor) -> None:
    actor.operator.post("/adjustments", {"amount": "10.00", "reason": "a present"})
    line = {"kind": "amount", "description": "search"}
    for project, amount in (("search", "1.00"), ("chat", "2.00"), ("search", "0.50")):
        actor.send(actor.report(line | {"amount": amount}, project_id=project))
    wanted = {"search": Decimal("1.50"), "chat": Decimal("2.00")}

    def summed() -> bool:
        groups = actor.customer.get("/usage", group_by="project")["data"]
        return {group["project_id"]: Decimal(group["amount"]) for group in groups} == wanted

    wait_for("the sums", summed)
    refused(422, "validation_failed", actor.customer.call, "GET", "/usage", query={"group_by": "x"})


@station
def test_the_bus_and_the_mail_tell_of_it(deployment: Deployment, actor: Actor, ear: str) -> None:
    bought = actor.buy("5.00", actor.save_card())
    actor.gateway.post("/deductions", {"amount": "5.00"})
    heard: dict[str, dict[str, Any]] = {}

    def told() -> bool:
        answer = deployment.cloud.client("sqs").receive_message(
            QueueUrl=ear, MaxNumberOfMessages=10, WaitTimeSeconds=1
        )
        for event in (json.loads(m["Body"]) for m in answer.get("Messages", ())):
            if event["detail"]["organization_id"] == actor.name:
                heard[event["detail-type"]] = event["detail"]["data"]
        return {"purchase.succeeded", "credits.exhausted"} <= set(heard)

    wait_for("the events", told)
    assert heard["purchase.succeeded"]["purchase_id"] == bought["id"]

    def mailed() -> bool:
        notices = actor.rows("NoticesTable")
        return any("mailed_at" in n for n in notices) and all("due" not in n for n in notices)

    wait_for("the mail", mailed)


@station
def test_the_schedule_gives_back_what_an_expired_hold_kept(
    deployment: Deployment, expiring: Actor
) -> None:
    deadline = time.monotonic() + SCHEDULE_SECONDS
    while expiring.available() != 10:
        assert time.monotonic() < deadline, "the sweep did not come"
        time.sleep(1)
    kinds = [entry["type"] for entry in expiring.customer.get("/ledger")["data"]]
    assert kinds[0] == "expiry", kinds
    assert_conserved(expiring)


@station
def test_the_schedule_compares_with_stripes_books(deployment: Deployment) -> None:
    events = deployment.cloud.client("events")
    rule = deployment.physical_ids["ReconcileReconcileEvent"]
    events.put_rule(Name=rule, ScheduleExpression="rate(1 minute)")
    deadline = time.monotonic() + SCHEDULE_SECONDS
    while not (log := [line for line in deployment.log_of("Reconcile") if '"Reconciled"' in line]):
        assert time.monotonic() < deadline, "the reconciliation did not come"
        time.sleep(1)
    report = json.loads(log[0])
    assert (report["complete"], report["findings"]) == (True, 0), report


def test_every_function_ran_and_none_was_denied_anything_or_failed(deployment: Deployment) -> None:
    """The last of the tests: it reads what all others left in the logs and dead-letter queues."""
    tally = Tally.of(deployment)
    assert [name for name, times in tally.invocations.items() if not times] == []
    for name, failures in tally.failures.items():
        assert not failures, f"{name}: {failures[0][:2000]}"
    sqs = deployment.cloud.client("sqs")
    for name, address in deployment.physical_ids.items():
        if name.endswith("DeadLetterQueue"):
            answer = sqs.get_queue_attributes(QueueUrl=address, AttributeNames=["All"])
            assert answer["Attributes"]["ApproximateNumberOfMessages"] == "0", name

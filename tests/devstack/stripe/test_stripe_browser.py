"""A page from another port buys and saves cards through the stand-in of Stripe.js, in Chromium."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import stripe

from devstack.stripe.server import LocalStripe
from tests.support.loopback import Request, served

Control = Callable[..., dict[str, Any]]
PAGE = """<!doctype html><html lang="en"><title>Shop</title>
<script src="{url}/v3/"></script><div id="card"></div>
<script>
  const stripe = Stripe("{key}");
  window.events = [];
  window.answer = undefined;
  window.start = (options) => {{
    window.elements = stripe.elements(options);
    const element = elements.create("payment");
    element.on("ready", () => events.push("ready"));
    element.on("change", (event) => events.push(event.complete ? "complete" : "change"));
    element.mount("#card");
  }};
</script></html>"""


@pytest.fixture
def shop(local: LocalStripe, browser: Any) -> Iterator[Any]:
    """A page of another origin with the script loaded; fails the test on any script error."""
    text = PAGE.format(url=local.url, key=local.publishable_key).encode()

    def answer(request: Request) -> None:
        request.answer(text, Content_Type="text/html; charset=utf-8")

    errors: list[str] = []
    with served(answer) as address:
        context = browser.new_context()
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(f"{address}/shop")
        yield page
        context.close()
    assert errors == []


def start(shop: Any, **options: Any) -> Any:
    """Mount the card form; answers its frame."""
    shop.evaluate("(options) => start(options)", options)
    shop.wait_for_function("events.includes('ready')")
    return shop.frame_locator("iframe[title^='Card details']")


def type_card(frame: Any, number: str) -> None:
    frame.get_by_label("Card number").fill(number)
    frame.get_by_label("Expiration date").fill("12 / 40")
    frame.get_by_label("Security code").fill("123")


def begin(shop: Any, call: str) -> None:
    """Begin a call of Stripe.js whose answer comes later."""
    shop.evaluate(f"() => {{ answer = undefined; {call}.then((value) => answer = value); }}")


def answer_of(shop: Any) -> dict[str, Any]:
    shop.wait_for_function("window.answer !== undefined")
    answer: dict[str, Any] = shop.evaluate("window.answer")
    return answer


CONFIRM_SETUP = "stripe.confirmSetup({elements, redirect: 'if_required'})"
CONFIRM_PAYMENT = "stripe.confirmPayment({elements, redirect: 'if_required'})"


@pytest.fixture
def setup(client: stripe.StripeClient, customer: str) -> Any:
    """A setup intent as the product makes it."""
    return client.v1.setup_intents.create(params={"customer": customer, "usage": "off_session"})


@pytest.fixture
def payment(client: stripe.StripeClient, customer: str) -> Any:
    """A payment intent as a shop makes it."""
    return client.v1.payment_intents.create(
        params={"amount": 5_000, "currency": "usd", "customer": customer}
    )


def test_a_card_is_saved_and_its_number_never_touches_the_page(
    shop: Any, client: stripe.StripeClient, local: LocalStripe, setup: Any
) -> None:
    sent: list[tuple[str, str]] = []
    shop.on("request", lambda request: sent.append((request.frame.url, request.post_data or "")))
    frame = start(shop, clientSecret=setup.client_secret)
    type_card(frame, "4242424242424242")
    begin(shop, CONFIRM_SETUP)
    assert answer_of(shop)["setupIntent"]["status"] == "succeeded"
    assert "complete" in shop.evaluate("events")
    card = str(client.v1.setup_intents.retrieve(setup.id).payment_method)
    details = client.v1.payment_methods.retrieve(card).card
    assert details is not None
    assert (details.last4, details.exp_month, details.exp_year) == ("4242", 12, 2040)
    assert [frame for frame, body in sent if "4242424242424242" in body] == [f"{local.url}/v3/card"]
    assert "4242" not in shop.evaluate("document.documentElement.outerHTML")


@pytest.mark.parametrize(
    ("button", "status"), [("Accept", "succeeded"), ("Refuse", "requires_payment_method")]
)
def test_3_d_secure_is_decided_in_a_dialogue(
    shop: Any, client: stripe.StripeClient, payment: Any, button: str, status: str
) -> None:
    frame = start(shop, clientSecret=payment.client_secret)
    type_card(frame, "4000002760003184")
    begin(shop, CONFIRM_PAYMENT)
    dialogue = shop.frame_locator("iframe[title^='3-D Secure']")
    dialogue.get_by_role("button", name=button).click()
    answer = answer_of(shop)
    assert client.v1.payment_intents.retrieve(payment.id).status == status
    assert shop.locator("dialog").count() == 0
    if button == "Accept":
        assert answer["paymentIntent"]["status"] == "succeeded"
    else:
        assert answer["error"]["code"] == "payment_intent_authentication_failure"
        assert answer["error"]["payment_intent"]["id"] == payment.id


def test_a_decline_is_an_error_with_its_reason_and_another_card_pays(
    shop: Any, payment: Any
) -> None:
    frame = start(shop, clientSecret=payment.client_secret)
    type_card(frame, "4000000000009995")
    begin(shop, CONFIRM_PAYMENT)
    error = answer_of(shop)["error"]
    assert (error["type"], error["code"]) == ("card_error", "card_declined")
    assert error["decline_code"] == "insufficient_funds"
    assert error["message"] == "Your card has insufficient funds."
    type_card(frame, "5555555555554444")
    begin(shop, CONFIRM_PAYMENT)
    assert answer_of(shop)["paymentIntent"]["status"] == "succeeded"


def test_an_incomplete_form_is_refused_before_anything_is_sent(
    shop: Any, local: LocalStripe, setup: Any
) -> None:
    frame = start(shop, mode="setup", currency="usd")
    frame.get_by_label("Card number").fill("4242 4242")
    begin(shop, "elements.submit()")
    error = answer_of(shop)["error"]
    assert (error["type"], error["code"]) == ("validation_error", "incomplete_number")
    assert frame.get_by_role("alert").first.inner_text() == "Your card number is incomplete."
    secret = json.dumps(setup.client_secret)
    call = f"stripe.confirmSetup({{elements, clientSecret: {secret}, redirect: 'if_required'}})"
    begin(shop, f"{call}.catch((error) => error.message)")
    assert "elements.submit() must be called" in str(answer_of(shop))
    type_card(frame, "4242424242424242")
    begin(shop, "elements.submit()")
    assert answer_of(shop) == {"selectedPaymentMethod": "card"}
    begin(shop, call)
    assert answer_of(shop)["setupIntent"]["status"] == "succeeded"


def test_a_test_card_is_filled_in_by_a_click(shop: Any, setup: Any) -> None:
    frame = start(shop, clientSecret=setup.client_secret, appearance={"theme": "night"})
    frame.get_by_text("Test cards", exact=True).click()
    frame.get_by_role("button", name="Succeeds (Mastercard)").click()
    begin(shop, CONFIRM_SETUP)
    assert answer_of(shop)["setupIntent"]["status"] == "succeeded"


def test_a_top_up_that_needs_the_customer_is_finished_by_its_client_secret(
    shop: Any, client: stripe.StripeClient, control: Control, customer: str
) -> None:
    card = client.v1.payment_methods.attach(
        "pm_card_authenticationRequired", params={"customer": customer}
    )
    with pytest.raises(stripe.CardError) as decline:
        client.v1.payment_intents.create(
            params={
                "amount": 5_000,
                "currency": "usd",
                "customer": customer,
                "payment_method": card.id,
                "off_session": True,
                "confirm": True,
            }
        )
    assert decline.value.error is not None
    intent = decline.value.error.payment_intent
    assert intent is not None
    begin(
        shop,
        f"stripe.confirmCardPayment({json.dumps(intent.client_secret)}, "
        f"{{payment_method: {json.dumps(card.id)}}})",
    )
    shop.frame_locator("iframe[title^='3-D Secure']").get_by_role("button", name="Accept").click()
    assert answer_of(shop)["paymentIntent"]["status"] == "succeeded"


def test_an_action_asked_for_by_the_server_is_handled(
    shop: Any, client: stripe.StripeClient, customer: str
) -> None:
    intent = client.v1.payment_intents.create(
        params={
            "amount": 5_000,
            "currency": "usd",
            "customer": customer,
            "payment_method": "pm_card_authenticationRequired",
            "confirm": True,
            "allowed_payment_method_types": ["card"],
        }
    )
    begin(shop, f"stripe.handleNextAction({{clientSecret: {json.dumps(intent.client_secret)}}})")
    shop.frame_locator("iframe[title^='3-D Secure']").get_by_role("button", name="Accept").click()
    assert answer_of(shop)["paymentIntent"]["status"] == "succeeded"
    begin(shop, f"stripe.retrievePaymentIntent({json.dumps(intent.client_secret)})")
    assert answer_of(shop)["paymentIntent"]["id"] == intent.id


def test_without_stripe_js_the_challenge_is_a_page_that_returns(
    shop: Any, client: stripe.StripeClient, customer: str
) -> None:
    origin = shop.evaluate("location.origin")
    intent = client.v1.payment_intents.create(
        params={
            "amount": 5_000,
            "currency": "usd",
            "customer": customer,
            "payment_method": "pm_card_authenticationRequired",
            "confirm": True,
            "return_url": f"{origin}/back?kept=1",
        }
    )
    assert intent.next_action is not None
    assert intent.next_action.redirect_to_url is not None
    shop.goto(intent.next_action.redirect_to_url.url)
    assert "50.00 USD" in shop.inner_text("main")
    shop.get_by_role("button", name="Accept").click()
    shop.wait_for_url(f"{origin}/back?**")
    assert "kept=1" in shop.url
    assert f"payment_intent={intent.id}" in shop.url
    assert "redirect_status=succeeded" in shop.url
    assert client.v1.payment_intents.retrieve(intent.id).status == "succeeded"


def test_confirming_returns_to_the_return_url(shop: Any, setup: Any) -> None:
    origin = shop.evaluate("location.origin")
    frame = start(shop, clientSecret=setup.client_secret)
    type_card(frame, "4242424242424242")
    begin(
        shop,
        f"stripe.confirmSetup({{elements, confirmParams: {{return_url: '{origin}/back'}}}})",
    )
    shop.wait_for_url(f"{origin}/back?**")
    assert f"setup_intent={setup.id}" in shop.url

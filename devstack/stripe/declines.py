"""Why a card is refused: Stripe's decline codes with the words and codes that go with each."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Decline:
    """One way to refuse; `code` is the error's code, `decline_code` the issuer's reason."""

    code: str
    decline_code: str
    message: str
    advice_code: str | None = None
    #: Refused by Radar before it reached the issuer.
    blocked: bool = False


_DECLINED = "Your card was declined."
_STOP = "do_not_try_again"
_LATER = "try_again_later"

_ALL = (
    Decline(
        code="authentication_required",
        decline_code="authentication_required",
        message="Your card was declined. This transaction requires authentication.",
    ),
    Decline(
        code="expired_card",
        decline_code="expired_card",
        message="Your card has expired.",
        advice_code=_STOP,
    ),
    Decline(
        code="incorrect_cvc",
        decline_code="incorrect_cvc",
        message="Your card's security code is incorrect.",
        advice_code="confirm_card_data",
    ),
    Decline(
        code="incorrect_number",
        decline_code="incorrect_number",
        message="Your card number is incorrect.",
        advice_code="confirm_card_data",
    ),
    Decline(
        code="processing_error",
        decline_code="processing_error",
        message="An error occurred while processing your card. Try again in a little bit.",
        advice_code=_LATER,
    ),
    Decline(
        code="card_declined",
        decline_code="insufficient_funds",
        message="Your card has insufficient funds.",
        advice_code=_LATER,
    ),
    Decline(
        code="card_declined",
        decline_code="card_velocity_exceeded",
        message="Your card was declined for making repeated attempts too frequently or exceeding "
        "its amount limit.",
        advice_code=_LATER,
    ),
    Decline(
        code="card_declined",
        decline_code="test_mode_live_card",
        message="Your card was declined. Your request was in test mode, but used a non test card. "
        "For a list of valid test cards, visit: https://stripe.com/docs/testing.",
    ),
)

_STOPPING = (
    "fraudulent",
    "invalid_account",
    "lost_card",
    "merchant_blacklist",
    "pickup_card",
    "restricted_card",
    "revocation_of_all_authorizations",
    "revocation_of_authorization",
    "security_violation",
    "stolen_card",
    "stop_payment_order",
    "transaction_not_allowed",
)

_WAITING = (
    "approve_with_id",
    "call_issuer",
    "card_not_supported",
    "currency_not_supported",
    "do_not_honor",
    "do_not_try_again",
    "duplicate_transaction",
    "generic_decline",
    "invalid_amount",
    "issuer_not_available",
    "new_account_information_available",
    "no_action_taken",
    "not_permitted",
    "reenter_transaction",
    "service_not_allowed",
    "try_again_later",
    "withdrawal_count_limit_exceeded",
)


def _plain(decline_code: str, advice_code: str) -> Decline:
    return Decline(
        code="card_declined",
        decline_code=decline_code,
        message=_DECLINED,
        advice_code=advice_code,
    )


#: Every decline this small Stripe can play, by decline code.
DECLINES = {
    decline.decline_code: decline
    for decline in (
        *_ALL,
        *(_plain(code, _STOP) for code in _STOPPING),
        *(_plain(code, _LATER) for code in _WAITING),
    )
}

#: What Radar refuses in test mode.
BLOCKED = Decline(
    code="card_declined",
    decline_code="fraudulent",
    message=_DECLINED,
    advice_code=_STOP,
    blocked=True,
)

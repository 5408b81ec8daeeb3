"""The test cards: which number and token behaves how, as Stripe's testing page lists them."""

from __future__ import annotations

import hashlib
import string
from dataclasses import dataclass
from enum import Enum

from devstack.stripe.declines import BLOCKED, DECLINES, Decline

_ALPHABET = string.ascii_letters + string.digits


class Challenge(Enum):
    """When a card's issuer asks for 3-D Secure."""

    NEVER = "never"
    #: On-session always; off-session unless it was set up before.
    UNLESS_SET_UP = "unless_set_up"
    #: On-session always; off-session it counts as set up from the start.
    ON_SESSION = "on_session"
    ALWAYS = "always"


class RefundOutcome(Enum):
    """What becomes of a refund to a card."""

    SUCCEEDS = "succeeds"
    PENDING = "pending"
    FAILS_LATER = "fails_later"


@dataclass(frozen=True, slots=True, kw_only=True)
class TestCard:
    """A card number and how it behaves."""

    __test__ = False  # its name must not make pytest collect it

    number: str
    #: The name that Stripe gives it as a ready-made payment method.
    payment_method: str
    brand: str = "visa"
    funding: str = "credit"
    country: str = "US"
    #: Why it can't be saved; such a card is refused when charged too.
    attach: Decline | None = None
    charge: Decline | None = None
    challenge: Challenge = Challenge.NEVER
    dispute: str | None = None
    inquiry: bool = False
    fraud_warning: bool = False
    refund: RefundOutcome = RefundOutcome.SUCCEEDS
    #: Charges stay `processing` until the control route decides. Our own; Stripe has no such card.
    processing: bool = False

    @property
    def last4(self) -> str:
        """The last four digits."""
        return self.number[-4:]

    @property
    def fingerprint(self) -> str:
        """The same for the same number, whatever payment method carries it."""
        digest = int.from_bytes(hashlib.sha256(self.number.encode()).digest(), "big")
        letters = []
        for _ in range(16):
            digest, place = divmod(digest, len(_ALPHABET))
            letters.append(_ALPHABET[place])
        return "".join(letters)


@dataclass(slots=True, kw_only=True)
class CardFacts:
    """What is known of a payment method's card but never shown."""

    card: TestCard
    #: It was authenticated for off-session use.
    set_up: bool = False
    #: It was charged without a customer, or detached: it may not be used again.
    spent: bool = False
    #: Set by the control route: every charge is refused for this reason, whatever the card.
    decline: Decline | None = None


def _refused(number: str, payment_method: str, decline_code: str) -> TestCard:
    decline = DECLINES[decline_code]
    return TestCard(number=number, payment_method=payment_method, attach=decline, charge=decline)


_CARDS = (
    TestCard(number="4242424242424242", payment_method="pm_card_visa"),
    TestCard(number="4000056655665556", payment_method="pm_card_visa_debit", funding="debit"),
    TestCard(number="5555555555554444", payment_method="pm_card_mastercard", brand="mastercard"),
    TestCard(number="378282246310005", payment_method="pm_card_amex", brand="amex"),
    TestCard(number="6011111111111117", payment_method="pm_card_discover", brand="discover"),
    TestCard(number="4000002760000016", payment_method="pm_card_de", country="DE"),
    TestCard(number="4000008260000000", payment_method="pm_card_gb", country="GB"),
    _refused("4000000000000002", "pm_card_visa_chargeDeclined", "generic_decline"),
    _refused(
        "4000000000009995", "pm_card_visa_chargeDeclinedInsufficientFunds", "insufficient_funds"
    ),
    _refused("4000000000009987", "pm_card_visa_chargeDeclinedLostCard", "lost_card"),
    _refused("4000000000009979", "pm_card_visa_chargeDeclinedStolenCard", "stolen_card"),
    _refused("4000000000000069", "pm_card_chargeDeclinedExpiredCard", "expired_card"),
    _refused("4000000000000127", "pm_card_chargeDeclinedIncorrectCvc", "incorrect_cvc"),
    _refused("4000000000000119", "pm_card_chargeDeclinedProcessingError", "processing_error"),
    _refused(
        "4000000000006975",
        "pm_card_visa_chargeDeclinedVelocityLimitExceeded",
        "card_velocity_exceeded",
    ),
    TestCard(
        number="4000000000000341",
        payment_method="pm_card_chargeCustomerFail",
        charge=DECLINES["generic_decline"],
    ),
    TestCard(number="4100000000000019", payment_method="pm_card_radarBlock", charge=BLOCKED),
    TestCard(
        number="4000002500003155",
        payment_method="pm_card_authenticationRequiredOnSetup",
        challenge=Challenge.UNLESS_SET_UP,
    ),
    TestCard(
        number="4000002760003184",
        payment_method="pm_card_authenticationRequired",
        challenge=Challenge.ALWAYS,
    ),
    TestCard(
        number="4000003800000446",
        payment_method="pm_card_authenticationRequiredSetupForOffSession",
        challenge=Challenge.ON_SESSION,
    ),
    TestCard(
        number="4000008260003178",
        payment_method="pm_card_authenticationRequiredChargeDeclinedInsufficientFunds",
        charge=DECLINES["insufficient_funds"],
        challenge=Challenge.ON_SESSION,
    ),
    TestCard(
        number="4000000000003220",
        payment_method="pm_card_threeDSecure2Required",
        challenge=Challenge.UNLESS_SET_UP,
    ),
    TestCard(
        number="4000000000000259",
        payment_method="pm_card_createDispute",
        dispute="fraudulent",
    ),
    TestCard(
        number="4000000000002685",
        payment_method="pm_card_createDisputeProductNotReceived",
        dispute="product_not_received",
    ),
    TestCard(
        number="4000000000001976",
        payment_method="pm_card_createDisputeInquiry",
        dispute="fraudulent",
        inquiry=True,
    ),
    TestCard(
        number="4000000000005423",
        payment_method="pm_card_createIssuerFraudRecord",
        fraud_warning=True,
    ),
    TestCard(
        number="4000000000007726",
        payment_method="pm_card_pendingRefund",
        refund=RefundOutcome.PENDING,
    ),
    TestCard(
        number="4000000000005126",
        payment_method="pm_card_refundFail",
        refund=RefundOutcome.FAILS_LATER,
    ),
    TestCard(number="4000000000008880", payment_method="pm_card_processing", processing=True),
)

BY_NAME = {card.payment_method: card for card in _CARDS}
BY_NUMBER = {card.number: card for card in _CARDS}


def is_card_number(number: str) -> bool:
    """Whether the digits pass the check that every card number passes (Luhn)."""
    if not number.isascii() or not number.isdecimal() or not 12 <= len(number) <= 19:  # noqa: PLR2004
        return False
    doubled = [int(digit) * (2 if place % 2 else 1) for place, digit in enumerate(number[::-1])]
    return sum(value - 9 if value > 9 else value for value in doubled) % 10 == 0  # noqa: PLR2004

"""Every wrong input is refused in the contract's words, changes nothing, and shows no insides."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.domain.money import MAX_NANOS
from chalicelib.domain.request import IdempotentRequest
from chalicelib.domain.write import Write
from devstack.emulator import Emulator
from tests.functional.api import Answer, Api, running_api

_serial = count(1)
MILLION_DIGITS = "9" * 1_000_000


@pytest.fixture(scope="module")
def api(emulator: Emulator) -> Iterator[Api]:
    with running_api(emulator) as running:
        yield running


@pytest.fixture(scope="module")
def card(api: Api) -> str:
    return api.card("acme")


@pytest.fixture
def key() -> str:
    return f"key-{next(_serial)}"


def buy(api: Api, key: str | None, **body: object) -> Answer:
    return api.call("POST", "acme/purchases", body=body, scope="credits:write", key=key)


def deduct(api: Api, key: str | None, body: object, organization_id: str = "acme") -> Answer:
    return api.call("POST", f"{organization_id}/deductions", body=body, scope="gateway", key=key)


def fields_of(answer: Answer) -> list[str]:
    return [error["field"] for error in answer.json().get("errors", ())]


# Idempotency keys.

#: Every POST that moves or reserves money, with its scope and a body that is good.
KEYED: dict[str, tuple[str, dict[str, object]]] = {
    "purchases": ("credits:write", {"amount": "5.00", "payment_method_id": "pm_1"}),
    "deductions": ("gateway", {"amount": "1.00"}),
    "holds": ("gateway", {"amount": "1.00"}),
    "holds/hold_1/settle": ("gateway", {"amount": "1.00"}),
    "holds/hold_1/release": ("gateway", {}),
    "adjustments": ("operator", {"amount": "1.00", "reason": "goodwill"}),
    "purchases/pur_1/refunds": ("operator", {"reason": "asked for it"}),
}


@pytest.mark.parametrize("route", KEYED)
def test_what_moves_or_reserves_money_needs_an_idempotency_key(api: Api, route: str) -> None:
    scope, body = KEYED[route]
    for headers in ({}, {"Idempotency-Key": ""}):
        answer = api.call("POST", f"acme/{route}", body=body, scope=scope, headers=headers)
        assert (answer.status, answer.code) == (400, "idempotency_key_required")


@pytest.mark.parametrize("route", KEYED)
@pytest.mark.parametrize("bad", ["x" * 256, "tab\t", "bell\x07", "umlaut ä", "\x7f", "del\x80"])
def test_a_key_is_up_to_255_printable_characters(api: Api, route: str, bad: str) -> None:
    scope, body = KEYED[route]
    answer = api.call("POST", f"acme/{route}", body=body, scope=scope, key=bad)
    assert (answer.status, answer.code) == (400, "invalid_request")


@pytest.mark.parametrize("good", ["x", "~" * 255, 'a key / with # all ~ of "it"'])
def test_any_printable_key_serves(api: Api, good: str) -> None:
    api.fund("keys", "5.00")
    for replayed in (None, "true"):
        answer = deduct(api, good, {"amount": "0.01"}, "keys")
        assert (answer.status, answer.headers.get("Idempotency-Replayed")) == (201, replayed)


def test_the_same_key_with_another_request_is_a_conflict(api: Api, card: str, key: str) -> None:
    first = buy(api, key, amount="5.00", payment_method_id=card)
    assert first.status == 201
    for other in ({"amount": "6.00"}, {"tax_id": None}, {"billing_details": None}):
        body = {"amount": "5.00", "payment_method_id": card, **other}
        if other == {"billing_details": None}:
            continue  # null is as good as absent
        answer = buy(api, key, **body)
        assert (answer.status, answer.code) == (409, "idempotency_conflict"), other
    again = buy(api, key, payment_method_id=card, amount="5.00")
    assert again.json() == first.json()
    assert again.headers["Idempotency-Replayed"] == "true"


def test_a_deduction_is_answered_for_ever_as_it_was_the_first_time(api: Api, key: str) -> None:
    api.fund("forever", "5.00")
    first = deduct(api, key, {"amount": "4.50", "project_id": "p"}, "forever")
    assert first.status == 201
    deduct(api, f"{key}-other", {"amount": "0.25"}, "forever")
    again = deduct(api, key, {"project_id": "p", "amount": "4.50"}, "forever")
    assert again.json() == first.json()
    assert again.headers["Idempotency-Replayed"] == "true"
    conflict = deduct(api, key, {"amount": "4.50"}, "forever")
    assert conflict.code == "idempotency_conflict"


def test_a_refusal_for_want_of_credits_is_answered_for_ever_too(api: Api, key: str) -> None:
    refused = deduct(api, key, {"amount": "1.00"}, "poor")
    assert (refused.status, refused.code) == (402, "insufficient_credits")
    api.fund("poor", "5.00")
    again = deduct(api, key, {"amount": "1.00"}, "poor")
    assert (again.status, again.json()) == (402, refused.json())
    assert again.headers["Idempotency-Replayed"] == "true"
    assert deduct(api, f"{key}-new", {"amount": "1.00"}, "poor").status == 201


def test_a_decline_is_answered_for_ever_with_its_purchase(api: Api, key: str) -> None:
    bad = api.card("acme", "pm_card_chargeCustomerFail")
    first = buy(api, key, amount="5.00", payment_method_id=bad)
    assert (first.status, first.code) == (402, "card_declined")
    assert first.json()["decline_code"] == "generic_decline"
    assert first.json()["purchase_id"].startswith("pur_")
    again = buy(api, key, amount="5.00", payment_method_id=bad)
    assert (again.status, again.json()) == (402, first.json())
    assert again.headers["Idempotency-Replayed"] == "true"


def test_a_first_request_still_at_work_is_waited_for(api: Api, card: str, key: str) -> None:
    done = buy(api, key, amount="5.00", payment_method_id=card)
    assert done.status == 201
    stored = api.services._requests.get("acme", "purchase", key)
    assert stored is not None
    at_work = IdempotentRequest(
        organization_id="acme",
        operation="purchase",
        key=f"{key}-2",
        digest=stored.digest,
        subject_id=stored.subject_id,
        started_at=datetime.now(UTC),
    )
    api.services.ledger.commit(
        Write(organization_id="acme", at=datetime.now(UTC), saves=(at_work,))
    )
    answer = buy(api, f"{key}-2", amount="5.00", payment_method_id=card)
    assert (answer.status, answer.code) == (409, "request_in_progress")
    assert int(answer.headers["Retry-After"]) >= 1


# Amounts.

WRONG_TYPES: list[object] = [5, 5.0, -5, True, None, [], ["5.00"], {"usd": "5.00"}, 10**400]
WRONG_AMOUNTS = [
    "5",
    "1e3",
    "1.0e3",
    "NaN",
    "Infinity",
    "-Infinity",
    "-5",
    "-5.00",
    "+5.00",
    " 5.00",
    "5.00 ",
    "5,00",
    "5.",
    ".50",
    "05.00",
    "1_000.00",
    "0x10.00",
    "5.0000000001",
    "٥.٠٠",  # noqa: RUF001
    "５.００",  # noqa: RUF001
    "5.00\n",
    "5.00\x00",
    "",
    "99999999999999.00",
    MILLION_DIGITS,
    f"{MILLION_DIGITS}.00",
    f"5.{MILLION_DIGITS}",
]


@pytest.mark.parametrize("amount", ["4.99", "5.001", "10000.01", "0.00", *WRONG_AMOUNTS])
def test_a_purchase_is_for_an_amount_that_can_be_charged(
    api: Api, card: str, key: str, amount: str
) -> None:
    answer = buy(api, key, amount=amount, payment_method_id=card)
    assert (answer.status, answer.code) == (422, "validation_failed")
    assert fields_of(answer) == ["amount"]
    assert len(answer.body) < 1000, "what was sent isn't repeated"


@pytest.mark.parametrize("amount", WRONG_TYPES, ids=lambda value: str(value)[:20])
def test_an_amount_is_text_and_nothing_else(api: Api, card: str, key: str, amount: object) -> None:
    for answer in (
        buy(api, key, amount=amount, payment_method_id=card),
        deduct(api, key, {"amount": amount}),
    ):
        assert (answer.status, answer.code) == (400, "invalid_request")


@pytest.mark.parametrize("amount", ["0.00", "0.000000000", *WRONG_AMOUNTS])
def test_a_deduction_is_of_more_than_nothing(api: Api, key: str, amount: str) -> None:
    answer = deduct(api, key, {"amount": amount})
    assert (answer.status, answer.code) == (422, "validation_failed")
    assert fields_of(answer) == ["amount"]


@pytest.mark.parametrize("amount", ["0.000000001", "1.00", "1.0", "4.999999999"])
def test_a_deduction_may_be_of_any_part_of_a_dollar(api: Api, key: str, amount: str) -> None:
    api.fund("parts", "5.00")
    assert deduct(api, key, {"amount": amount}, "parts").status == 201


def test_the_most_that_can_be_asked_for_is_not_covered_but_understood(api: Api, key: str) -> None:
    answer = deduct(api, key, {"amount": f"{MAX_NANOS // 10**9}.00"}, "nobody")
    assert answer.code == "insufficient_credits"


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({"amount": "4.99"}, ["amount"]),
        ({"amount": "5.001"}, ["amount"]),
        ({"threshold": "-1.00"}, ["threshold"]),
        ({"threshold": "1e1"}, ["threshold"]),
        ({"monthly_limit": "24.99"}, ["monthly_limit"]),
        ({"threshold": "x", "amount": "y"}, ["amount", "threshold"]),
    ],
)
def test_settings_of_auto_top_up_that_make_no_sense_are_refused_per_field(
    api: Api, card: str, changes: dict[str, str], fields: list[str]
) -> None:
    body = {"enabled": True, "threshold": "10.00", "amount": "25.00", **changes}
    answer = api.call("PUT", "acme/auto-top-up", body=body, scope="credits:write")
    assert (answer.status, answer.code) == (422, "validation_failed")
    assert sorted(fields_of(answer)) == fields
    assert not api.services.top_ups.get("acme").enabled


# Bodies.

NOT_JSON = {
    "nothing": b"",
    "cut off": b'{"amount": "5.00"',
    "not JSON": b"amount=5.00",
    "with a comma too many": b'{"amount": "5.00",}',
    "with a comment": b'{"amount": "5.00"} // five',
    "with NaN": b'{"amount": NaN}',
    "with Infinity": b'{"amount": -Infinity}',
    "with a field twice": b'{"amount": "5.00", "amount": "6.00"}',
    "no UTF-8": b'{"amount": "\xff"}',
    "UTF-16": '{"amount": "5.00"}'.encode("utf-16"),
    "with a byte order mark": b'\xef\xbb\xbf{"amount": "5.00"}',
    "with half a character": b'{"amount": "\\ud800"}',
    "with half a character in a name": b'{"\\udfff": "5.00"}',
    "with half a character deep inside": b'{"usage": [{"description": "\\ud83d"}]}',
    "very deep": b"[" * 100_000 + b"]" * 100_000,
    "a number of a million digits": MILLION_DIGITS.encode(),
    "with a number of a million digits": b'{"amount": ' + MILLION_DIGITS.encode() + b"}",
    "two values": b'{"amount": "5.00"} {"amount": "5.00"}',
}
OTHER_JSON = [b"null", b"[]", b'"5.00"', b"5", b"true", b"[{}]"]
BODIED = {
    "POST purchases": "credits:write",
    "POST deductions": "gateway",
    "POST holds": "gateway",
    "PUT auto-top-up": "credits:write",
    "PUT billing-details": "credits:write",
    "POST adjustments": "operator",
}


@pytest.mark.parametrize("name", NOT_JSON)
@pytest.mark.parametrize("route", BODIED)
def test_what_is_not_json_is_not_read(api: Api, key: str, route: str, name: str) -> None:
    method, path = route.split()
    answer = api.call(method, f"acme/{path}", raw=NOT_JSON[name], scope=BODIED[route], key=key)
    assert (answer.status, answer.code) == (400, "invalid_request")
    assert len(answer.body) < 1000


@pytest.mark.parametrize("raw", OTHER_JSON)
@pytest.mark.parametrize("route", BODIED)
def test_a_body_is_an_object(api: Api, key: str, route: str, raw: bytes) -> None:
    method, path = route.split()
    answer = api.call(method, f"acme/{path}", raw=raw, scope=BODIED[route], key=key)
    assert (answer.status, answer.code) == (400, "invalid_request")


@pytest.mark.parametrize("route", BODIED)
@pytest.mark.parametrize("name", ["amuont", "", "__proto__", "ä" * 500, "x\u0000"])
def test_a_field_that_is_not_known_is_refused_by_name(
    api: Api, key: str, route: str, name: str
) -> None:
    method, path = route.split()
    answer = api.call(method, f"acme/{path}", body={name: 1}, scope=BODIED[route], key=key)
    assert (answer.status, answer.code) == (400, "invalid_request")
    assert len(answer.body) < 2000


def test_every_fault_of_a_body_is_told_at_once(api: Api, key: str) -> None:
    address = {"line1": "", "city": "Rome", "country": "Italy", "planet": "Earth"}
    answer = buy(api, key, amount="1", billing_details={"address": address, "email": "x"})
    assert answer.status == 400
    assert set(fields_of(answer)) == {
        "amount",
        "payment_method_id",
        "billing_details.name",
        "billing_details.email",
        "billing_details.address.line1",
        "billing_details.address.postal_code",
        "billing_details.address.country",
        "billing_details.address.planet",
    }


def test_what_is_missing_is_named(api: Api, key: str) -> None:
    answer = buy(api, key)
    assert (answer.status, sorted(fields_of(answer))) == (422, ["amount", "payment_method_id"])
    neither = deduct(api, key, {})
    assert (neither.status, neither.code) == (422, "validation_failed")
    both = deduct(api, key, {"amount": "1.00", "usage": []})
    assert both.status == 422


GOOD_DETAILS: dict[str, Any] = {
    "name": "Acme GmbH",
    "email": "a@b.example",
    "address": {"line1": "1 St", "city": "Rome", "postal_code": "1", "country": "IT"},
}


@pytest.mark.parametrize(
    ("changes", "status", "field"),
    [
        ({"name": "   "}, 422, "name"),
        ({"name": "x" * 201}, 422, "name"),
        ({"name": "a\x00b"}, 422, "name"),
        ({"name": 7}, 400, "name"),
        ({"email": "no address"}, 422, "email"),
        ({"email": "a@b\r\nBcc: c@d"}, 422, "email"),
        ({"address": "Rome"}, 400, "address"),
        ({"address": {**GOOD_DETAILS["address"], "country": "it"}}, 422, "address.country"),
        ({"address": {**GOOD_DETAILS["address"], "line1": None}}, 400, "address.line1"),
        ({"tax_id": {"type": "xx_none", "value": "1"}}, 422, "tax_id.type"),
        ({"tax_id": {"type": "eu_vat", "value": "nonsense"}}, 422, "tax_id.value"),
        ({"tax_id": {"type": "eu_vat"}}, 422, "tax_id.value"),
        ({"tax_id": "DE1"}, 400, "tax_id"),
    ],
)
def test_billing_details_that_no_invoice_can_carry_are_refused(
    api: Api, changes: dict[str, object], status: int, field: str
) -> None:
    body = {**GOOD_DETAILS, **changes}
    answer = api.call("PUT", "details/billing-details", body=body, scope="credits:write")
    assert (answer.status, fields_of(answer)) == (status, [field])
    assert api.services.customers.get("details").billing_details is None


@pytest.mark.parametrize("payment_method", ["pm_nobodys", "", "../../x", "pm 1", "x" * 256])
def test_a_card_that_is_not_the_organizations_is_refused(
    api: Api, key: str, payment_method: str
) -> None:
    answer = buy(api, key, amount="5.00", payment_method_id=payment_method)
    assert (answer.status, fields_of(answer)) == (422, ["payment_method_id"])


def test_somebody_elses_card_is_as_if_it_did_not_exist(api: Api, key: str) -> None:
    theirs = api.card("theirs")
    answer = buy(api, key, amount="5.00", payment_method_id=theirs)
    unknown = buy(api, key, amount="5.00", payment_method_id="pm_nobodys")
    assert (answer.status, answer.json()) == (unknown.status, unknown.json())
    for method, path in (("PUT", "default"), ("DELETE", "")):
        route = f"acme/payment-methods/{theirs}/{path}".rstrip("/")
        assert api.call(method, route, scope="credits:write").code == "not_found"


def test_without_billing_details_nothing_is_bought(api: Api, key: str) -> None:
    scope = "credits:write"
    api.call("POST", "nameless/payment-methods/setup", scope=scope)
    body = {"amount": "5.00", "payment_method_id": "pm_card_visa"}
    answer = api.call("POST", "nameless/purchases", body=body, scope=scope, key=key)
    assert answer.status == 422


@pytest.mark.parametrize("path", ["purchases/{}", "transactions/{}/invoice"])
@pytest.mark.parametrize("id", ["pur_none", "x", "%00", "%2e%2e", "a" * 2000, "pur_%F0%9F%92%A9"])
def test_what_does_not_exist_is_not_found(api: Api, path: str, id: str) -> None:  # noqa: A002
    answer = api.call("GET", f"acme/{path.format(id)}", scope="credits:read")
    assert (answer.status, answer.code) == (404, "not_found")


def test_somebody_elses_purchase_is_as_if_it_did_not_exist(api: Api, card: str, key: str) -> None:
    own = buy(api, key, amount="5.00", payment_method_id=card).json()["id"]
    assert api.call("GET", f"acme/purchases/{own}", scope="credits:read").status == 200
    for path in (f"purchases/{own}", f"transactions/{own}/invoice"):
        theirs = api.call("GET", f"theirs/{path}", scope="credits:read")
        nobodys = api.call("GET", f"theirs/{path.replace(own, 'pur_none')}", scope="credits:read")
        assert (theirs.status, theirs.json()) == (404, nobodys.json())


# Queries and cursors.


@pytest.mark.parametrize("route", ["transactions", "ledger"])
@pytest.mark.parametrize(
    ("query", "status"),
    [
        ([("limit", "0")], 422),
        ([("limit", "101")], 422),
        ([("limit", "-1")], 422),
        ([("limit", "1.0")], 422),
        ([("limit", "١")], 422),  # noqa: RUF001
        ([("limit", "")], 422),
        ([("limit", MILLION_DIGITS[:5000])], 422),
        ([("from", "yesterday")], 422),
        ([("from", "2026-11-23")], 422),
        ([("from", "2026-11-23T10:00:00+01:00")], 422),
        ([("to", "2026-02-30T10:00:00Z")], 422),
        ([("to", "2026-11-23T25:00:00Z")], 422),
        ([("limit", "5"), ("limit", "6")], 400),
        ([("offset", "1")], 400),
        ([("cursor", "")], 400),
    ],
)
def test_a_query_that_can_not_be_answered_is_refused(
    api: Api, route: str, query: list[tuple[str, str]], status: int
) -> None:
    answer = api.call("GET", f"acme/{route}", query=query, scope="credits:read")
    assert answer.status == status


@pytest.mark.parametrize("wanted", ["refund", "", "PURCHASE", "purchase,auto_top_up"])
def test_only_known_types_of_transactions_are_listed(api: Api, wanted: str) -> None:
    answer = api.call("GET", "acme/transactions", query={"type": wanted}, scope="credits:read")
    assert (answer.status, fields_of(answer)) == (422, ["type"])


@pytest.fixture(scope="module")
def cursor(api: Api) -> str:
    """A cursor of the ledger of an organization with three entries."""
    api.fund("paged", "5.00")
    for number in range(2):
        deduct(api, f"page-{number}", {"amount": "0.01"}, "paged")
    answer = api.call("GET", "paged/ledger", query={"limit": "1"}, scope="credits:read")
    return str(answer.json()["next_cursor"])


def follow(api: Api, path: str, cursor: str) -> Answer:
    return api.call("GET", path, query={"limit": "1", "cursor": cursor}, scope="credits:read")


def test_a_cursor_leads_on_and_ends(api: Api, cursor: str) -> None:
    second = follow(api, "paged/ledger", cursor)
    third = follow(api, "paged/ledger", second.json()["next_cursor"])
    assert (second.status, third.status) == (200, 200)
    assert third.json()["next_cursor"] is None
    amounts = [page.json()["data"][0]["amount"] for page in (second, third)]
    assert amounts == ["-0.01", "5.00"]


def test_a_cursor_is_good_for_its_own_list_alone(api: Api, cursor: str) -> None:
    for path in ("acme/ledger", "paged/transactions"):
        answer = follow(api, path, cursor)
        assert (answer.status, answer.code) == (400, "invalid_request")


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_a_forged_cursor_is_refused(api: Api, cursor: str, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(cursor) - 2))  # the last letter has unused bits
    letter = data.draw(st.characters(codec="ascii", categories=["L", "N", "P", "Z"]))
    spoiled = cursor[:place] + letter + cursor[place + 1 :]
    longer = cursor[:place] + letter + cursor[place:]
    for forged in (spoiled, longer, cursor[:place], letter * place, letter):
        if forged != cursor:
            answer = follow(api, "paged/ledger", forged)
            assert (answer.status, answer.code) == (400, "invalid_request"), forged


@settings(max_examples=30, deadline=None)
@given(forged=st.text(max_size=200))
def test_no_text_makes_a_cursor(api: Api, forged: str) -> None:
    try:
        forged.encode()
    except UnicodeEncodeError:
        return
    assert follow(api, "paged/ledger", forged).status == 400


# What goes wrong here.


def test_a_bug_is_confessed_without_showing_anything_of_it(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("the password is swordfish")

    monkeypatch.setattr(api.services.ledger, "account", broken)
    answer = api.call("GET", "acme/credits", scope="credits:read")
    assert (answer.status, answer.code) == (500, "internal_error")
    assert b"swordfish" not in answer.body


def test_a_payment_provider_that_is_down_makes_us_busy_and_nothing_is_lost(
    api: Api, card: str, key: str
) -> None:
    control = {"method": "POST", "path": "/v1/payment_intents", "effect": "drop", "count": 2}
    from devstack.stripe.faults import Fault

    api.stripe.api.faults.add(Fault(**control))  # type: ignore[arg-type]
    busy = buy(api, key, amount="7.00", payment_method_id=card)
    assert (busy.status, busy.code) == (503, "busy")
    assert int(busy.headers["Retry-After"]) >= 1


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "acme/payment-methods"),
        ("POST", "acme/payment-methods/setup"),
        ("PUT", "acme/payment-methods/pm_1/default"),
        ("DELETE", "acme/payment-methods/pm_1"),
        ("PUT", "acme/billing-details"),
        ("POST", "acme/purchases"),
        ("PUT", "acme/auto-top-up"),
    ],
)
def test_every_route_that_asks_the_provider_is_busy_while_it_is_down(
    api: Api, card: str, key: str, method: str, path: str
) -> None:
    from devstack.stripe.faults import Fault

    bodies: dict[str, object] = {
        "acme/billing-details": {**GOOD_DETAILS, "name": f"Acme {key}"},
        "acme/purchases": {"amount": "5.00", "payment_method_id": card},
        "acme/auto-top-up": {"enabled": True, "threshold": "1.00", "amount": "5.00"},
    }
    api.stripe.api.faults.add(Fault(effect="error", status=500, count=None))
    try:
        answer = api.call(
            method, path, body=bodies.get(path), scope="credits:read credits:write", key=key
        )
    finally:
        api.stripe.api.faults.clear()
    assert (answer.status, answer.code) == (503, "busy")
    assert int(answer.headers["Retry-After"]) >= 1


# Webhooks.


@pytest.mark.parametrize(
    "signature", ["", "t=1,v1=00", "t=now,v1=xx", "v1=00", "t=9999999999,v1=", "nonsense", "é"]
)
def test_an_event_that_stripe_did_not_sign_is_refused(api: Api, signature: str) -> None:
    body = {"id": "evt_1", "type": "payment_intent.succeeded", "data": {"object": {"id": "pi_1"}}}
    answer = api.call(
        "POST", "//webhooks/stripe", body=body, headers={"Stripe-Signature": signature}
    )
    assert (answer.status, answer.code) == (400, "invalid_signature")


def test_a_signed_event_is_kept_once_it_is_verified_over_the_raw_body(api: Api) -> None:
    import stripe

    secret = api.stripe.webhook_secrets[0]
    raw = '{"id": "evt_1",  "type": "x", "data": {"object": {"id": "pi_ü"}} }'
    signed = stripe.WebhookSignature.generate_signature_header(raw, secret)
    headers = {"Stripe-Signature": signed}
    answer = api.call("POST", "//webhooks/stripe", raw=raw.encode(), headers=headers)
    assert answer.status == 200
    spoiled = raw.replace("  ", " ").encode()
    assert api.call("POST", "//webhooks/stripe", raw=spoiled, headers=headers).status == 400
    old = int((datetime.now(UTC) - timedelta(minutes=6)).timestamp())
    stale = stripe.WebhookSignature.generate_signature_header(raw, secret, timestamp=old)
    headers = {"Stripe-Signature": stale}
    assert api.call("POST", "//webhooks/stripe", raw=raw.encode(), headers=headers).status == 400


@pytest.mark.parametrize("raw", ["[]", "{}", "null", '{"id": "evt_1"}', "nonsense", '{"id": 1}'])
def test_signed_nonsense_is_refused(api: Api, raw: str) -> None:
    import stripe

    signed = stripe.WebhookSignature.generate_signature_header(raw, api.stripe.webhook_secrets[0])
    headers = {"Stripe-Signature": signed}
    answer = api.call("POST", "//webhooks/stripe", raw=raw.encode(), headers=headers)
    assert answer.status == 400


def test_nothing_wrong_changed_anything(api: Api) -> None:
    """Run last: whatever was refused above left no trace in the account that it was about."""
    entries = api.call("GET", "acme/ledger", query={"limit": "100"}, scope="credits:read")
    assert {entry["type"] for entry in entries.json()["data"]} <= {"purchase"}
    assert json.loads(entries.body)["next_cursor"] is None

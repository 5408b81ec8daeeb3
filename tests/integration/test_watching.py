"""What operators see: one id through every queue, what was measured, and nothing that is secret."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from chalicelib.domain.errors import BusyError
from devstack.emulator import Emulator
from tests.support.measured import measured_in, totals
from tests.support.watched import QUEUES, Watched, watched_application
from tests.support.worker import amount, report

WRITE = "credits:read credits:write"
SAVED = "A purchase was saved"


@pytest.fixture
def watched(emulator: Emulator) -> Iterator[Watched]:
    with watched_application(emulator) as running:
        yield running


def buy(watched: Watched, org: str, card: str, key: str = "one") -> dict[str, Any]:
    body = {"amount": "50.00", "payment_method_id": card}
    answer = watched.api.call("POST", f"{org}/purchases", body=body, scope=WRITE, key=key)
    assert answer.status == 201, answer.body
    bought: dict[str, Any] = answer.json()
    return bought


def top_up(watched: Watched, org: str) -> None:
    """Turn auto top-up on: 25 whenever fewer than 20 are left."""
    order = {"enabled": True, "threshold": "20.00", "amount": "25.00", "monthly_limit": None}
    answer = watched.api.call("PUT", f"{org}/auto-top-up", body=order, scope=WRITE)
    assert answer.status == 200, answer.body


def ids(lines: list[dict[str, Any]]) -> set[str]:
    """The correlation ids of lines, all of which have one."""
    return {line["correlation_id"] for line in lines}


def test_a_purchase_is_followed_from_the_request_to_the_invoice(watched: Watched) -> None:
    bought = buy(watched, "acme", watched.api.card("acme"))
    (id_,) = ids(watched.said(SAVED, purchase_id=bought["id"]))
    (request,) = [line for line in watched.lines() if line.get("route", "").endswith("/purchases")]
    assert request["correlation_id"] == id_
    watched.work("invoice_worker")
    (stored,) = watched.said("An invoice was stored", organization_id="acme")
    assert stored["correlation_id"] == id_
    (paid,) = watched.said(SAVED, purchase_id=bought["id"], status="succeeded")
    assert stored["invoice_number"] == paid["invoice_number"] == bought["invoice"]["number"]


def test_a_webhook_is_followed_to_the_invoice_and_names_the_purchase(watched: Watched) -> None:
    bought = buy(watched, "acme", watched.card_that_asks("acme"))
    assert bought["status"] == "requires_action"
    (first,) = ids(watched.said(SAVED, purchase_id=bought["id"]))
    payment_id = watched.said(SAVED, status="requires_action")[0]["payment_id"]
    watched.authenticate(payment_id)
    assert watched.tell_of(payment_id).status == 200
    watched.work("payment_event_worker")
    watched.work("invoice_worker")
    (received,) = watched.said("An event was received", reception="handled")
    (paid,) = watched.said(SAVED, status="succeeded")
    (stored,) = watched.said("An invoice was stored")
    (second,) = ids([received, paid, stored])
    assert second != first, "Stripe tells nothing of our request"
    assert received["purchase_id"] == paid["purchase_id"] == bought["id"]
    assert received["object_id"] == paid["payment_id"] == payment_id


@pytest.mark.parametrize("brought", ["gateway-call-7", ""])
def test_usage_is_followed_to_the_charge_that_it_leads_to(watched: Watched, brought: str) -> None:
    watched.api.fund("acme", "50.00")
    watched.work("invoice_worker")
    top_up(watched, "acme")
    watched.send("usage_worker", report("acme", "r-1", amount("40.00")), correlation_id=brought)
    watched.work("usage_worker")
    (applied,) = watched.said("Reports were applied", organization_id="acme")
    assert applied["applied"] == ["r-1"]
    watched.work("top_up_worker")
    watched.work("invoice_worker")
    (hint,) = watched.said("A hint was looked into", decision="charge")
    charged = watched.said(SAVED, purchase_type="auto_top_up")
    assert [line["status"] for line in charged] == ["pending", "succeeded"]
    stored = watched.said("An invoice was stored")[-1]
    (id_,) = ids([applied, hint, *charged, stored])
    assert id_ == (brought or applied["correlation_id"])


def test_what_the_sweep_sends_is_followed_by_the_id_of_its_run(watched: Watched) -> None:
    watched.api.fund("acme", "50.00")
    top_up(watched, "acme")  # which leaves a mark for the sweep
    watched.run_schedule("sweep")
    watched.work("top_up_worker")
    (hint,) = watched.said("A hint was looked into")
    (swept,) = watched.said("Swept")
    assert hint["correlation_id"] == swept["correlation_id"] == "event-of-sweep"


def test_schedules_measure_what_they_found(watched: Watched) -> None:
    watched.api.fund("acme", "50.00")
    account = watched.environment["ACCOUNTS_TABLE"]
    watched.run_schedule("reconcile")
    found = totals(watched.log.getvalue())
    assert (found["AccountsChecked"], found["LedgerMismatches"]) == (1, 0)
    assert (found["DifferencesOpen"], found["AccountsNotChecked"]) == (0, 0)
    _add_a_dollar_by_hand(watched, account)
    watched.run_schedule("reconcile")
    watched.run_schedule("sweep")
    found = totals(watched.log.getvalue())
    assert found["LedgerMismatches"] == 1
    (told,) = watched.said("An account is not what its entries make of it")
    assert (told["organization_id"], told["faults"]) == ("acme", ["available"])
    assert {name for name in found if name.startswith("Swept")} == {
        f"Swept{kind}"
        for kind in ("Purchases", "Hints", "Invoices", "Notices", "NoticesGivenUp", "Holds")
    }


def _add_a_dollar_by_hand(watched: Watched, table: str) -> None:
    from chalicelib.adapters.dynamodb.models import AccountModel

    row = AccountModel.get("acme")
    row.update(actions=[AccountModel.available.add(1_000_000_000)])
    assert AccountModel.Meta.table_name == table


def test_requests_are_measured_by_scope_and_told_by_route(watched: Watched) -> None:
    watched.api.call("GET", "acme/access", scope="gateway")
    watched.api.call("GET", "acme/access", scope="credits:read")
    watched.api.call("GET", "//healthz")
    watched.api.call("GET", "not an id%20/credits", scope="credits:read")
    measured = [m for m in measured_in(watched.log.getvalue()) if m.name == "RequestDuration"]
    assert [m.dimension for m in measured] == ["gateway", "gateway", "open", "credits:read"]
    assert all(0 < value < 60_000 for m in measured for value in m.values)
    told = [line for line in watched.lines() if "route" in line]
    assert [(line["route"].rpartition("/")[2], line["status"]) for line in told] == [
        ("access", 200),
        ("access", 403),
        ("healthz", 200),
        ("credits", 404),
    ]
    assert [line.get("organization_id") for line in told] == ["acme", "acme", None, None]


class Secrets:
    """What must not be in any log, told apart from everything else that is in it."""

    def __init__(self) -> None:
        self.name, self.street, self.city = "Zebedee Marker", "77 Marker Mews", "Markerham"
        self.email, self.tax_id = "marker@private.example", "DE136695976"
        self.reason, self.error = "marker-of-a-reason", "marker-of-an-error"
        self.payload = "marker-of-a-payload"
        self.found = list(vars(self).values())

    def details(self) -> dict[str, object]:
        return {
            "name": self.name,
            "email": self.email,
            "address": {
                "line1": self.street,
                "city": self.city,
                "postal_code": "10119",
                "country": "DE",
            },
            "tax_id": {"type": "eu_vat", "value": self.tax_id},
        }


def test_no_log_has_a_secret_a_card_or_what_anybody_sent(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    secrets = Secrets()
    api = watched.api
    card = api.card("acme")
    details = api.call("PUT", "acme/billing-details", body=secrets.details(), scope=WRITE)
    assert details.status == 200, details.body
    token = api.token("acme", WRITE)
    setup = api.call("POST", "acme/payment-methods/setup", token=token).json()
    declined = api.card("acme", "pm_card_chargeCustomerFail")
    order = {"amount": "5.00", "payment_method_id": declined}
    assert api.call("POST", "acme/purchases", body=order, scope=WRITE, key="no").status == 402
    asking = watched.card_that_asks("acme")
    # Saving a card has put other details in their place.
    api.call("PUT", "acme/billing-details", body=secrets.details(), scope=WRITE)
    waiting = buy(watched, "acme", asking, key="two")
    buy(watched, "acme", card, key="three")
    secrets.found += [token, setup["client_secret"], waiting["client_secret"]]
    secrets.found += [api.stripe.api_key, *api.stripe.webhook_secrets]
    secrets.found += [watched.environment["CURSOR_SECRET"]]
    adjustment = {"amount": "-1.00", "reason": secrets.reason}
    api.call("POST", "acme/adjustments", body=adjustment, scope="operator", key="adjust")
    watched.work("invoice_worker")
    _send_what_fails(watched, secrets)
    _fail_with_words(watched, secrets, monkeypatch)
    log = watched.log.getvalue()
    assert watched.said("A message failed"), "nothing failed, so nothing was shown"
    assert watched.said("A usage report was set aside")
    assert watched.said("A request failed")
    assert watched.said("A function failed")
    for secret in secrets.found:
        assert secret not in log, f"{secret} in: " + next(
            line for line in log.splitlines() if secret in line
        )
    for shape in ('"4242"', '"visa"', "_secret_", "whsec_", "sk_test", "eyJ", "Bearer", "t=1"):
        assert shape not in log, shape


def _send_what_fails(watched: Watched, secrets: Secrets) -> None:
    """Messages that no worker can use, and requests that are refused."""
    for worker in QUEUES:
        watched.send(worker, secrets.payload)
        watched.send(worker, {"organization_id": "acme", "card": secrets.payload, "type": "x"})
        watched.work(worker)
    odd = {"kind": "amount", "amount": secrets.payload, "description": secrets.payload}
    watched.send("usage_worker", report("acme", "odd", odd))
    watched.work("usage_worker")
    api = watched.api
    api.call("POST", "//webhooks/stripe", raw=secrets.payload.encode())
    api.call("GET", "acme/credits", token=f"eyJ{secrets.payload}")
    api.call("GET", f"acme/ledger?cursor={secrets.payload}", scope=WRITE)
    api.call("GET", "acme/ledger", query={secrets.payload: "1"}, scope=WRITE)
    api.call("PUT", "acme/billing-details", raw=secrets.payload.encode(), scope=WRITE)


def _fail_with_words(watched: Watched, secrets: Secrets, monkeypatch: pytest.MonkeyPatch) -> None:
    """Errors that quote what they were given, wherever one can come up."""

    class Quoting:
        def __getattr__(self, name: str) -> Any:
            def fail(*_: object, **__: object) -> None:
                raise ValueError(f"{name} can't use {secrets.error}") from KeyError(secrets.error)

            return fail

    for name in ("topping_up", "receiving", "invoicing", "metering", "sweeping", "buyers"):
        monkeypatch.setitem(watched.api.services.__dict__, name, Quoting())
    event = {"id": "evt_1", "type": "payment_intent.succeeded", "object_id": "pi_1"}
    for worker, body in (
        ("usage_worker", report("acme", "fails", amount("1.00"))),
        ("top_up_worker", {"organization_id": "acme"}),
        ("payment_event_worker", event),
        ("invoice_worker", {"organization_id": "acme", "number": "2026-000001"}),
    ):
        watched.send(worker, body)
        watched.work(worker)
    with pytest.raises(Exception, match=r"builtins\.ValueError"):
        watched.run_schedule("sweep")
    answer = watched.api.call("GET", "acme/payment-methods", scope=WRITE)
    assert answer.status == 500


def test_what_failed_is_named(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    class Busy:
        def consider(self, *_: object, **__: object) -> None:
            raise BusyError("too busy")

    monkeypatch.setitem(watched.api.services.__dict__, "topping_up", Busy())
    watched.send("top_up_worker", {"organization_id": "acme"}, correlation_id="req-1")
    watched.work("top_up_worker")
    (failed,) = watched.said("A message failed")
    assert (failed["organization_id"], failed["correlation_id"]) == ("acme", "req-1")
    assert failed["exception"].startswith("BusyError: busy\n")
    assert json.dumps(failed).count("too busy") == 0
    assert totals(watched.log.getvalue())["MessagesFailed"] == 1

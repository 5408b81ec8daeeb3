"""The restore drills of docs/operating.md, on the emulated AWS, by the commands that it names.

The emulator keeps no past to restore a point in time from, so backups on demand stand for it: they
are restored as AWS restores a point in time, into a table of another name.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import boto3
import pytest
import requests

from chalicelib.cli import work
from chalicelib.cli.main import main
from chalicelib.domain.account import Account
from chalicelib.domain.money import format_usd
from chalicelib.domain.stored_account import StoredAccount
from chalicelib.domain.usage_parsing import parse_report
from chalicelib.wiring import services
from devstack.emulator import Emulator
from tests.functional.api import Api, running_api
from tests.support import manual
from tests.support.worker import amount, report

#: All that the manual restores together; the invoice numbers are not among them.
MONEY = (
    "accounts", "archives", "customers", "holds", "invoices", "ledger", "notices", "purchase_days",
    "purchases", "requests", "top_ups", "trace_counts", "usage_days",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Office:
    """The application, its tables, and an operator's terminal."""

    api: Api
    tables: Mapping[str, str]
    dynamodb: Any

    def buy(self, organization: str, text: str, card: str) -> Any:
        body = {"amount": text, "payment_method_id": card}
        path, key = f"{organization}/purchases", uuid.uuid4().hex
        return self.api.call("POST", path, body=body, scope="credits:write", key=key).json()

    def post(self, path: str, scope: str = "gateway", **body: object) -> Any:
        return self.api.call("POST", path, body=body, scope=scope, key=uuid.uuid4().hex)

    def report(self, organization: str, *texts: str) -> None:
        """Apply reports in one write, as the usage worker does: one entry lists the others."""
        now = datetime.now(UTC)
        sent = [report(organization, uuid.uuid4().hex, amount(text)) for text in texts]
        priced = [services().pricing.price(parse_report(each, now=now)) for each in sent]
        services().metering.apply(organization, priced, now=now)

    def account(self, organization: str) -> Account:
        return services().ledger.account(organization)

    def available(self, organization: str) -> str:
        return format_usd(self.account(organization).available_nanos)

    def stored(self, *organizations: str) -> list[StoredAccount | None]:
        return [services()._accounts.stored(each) for each in organizations]

    def lose(self, table: str, *, every: int = 1) -> int:
        """Delete items of a table by hand, as accidents do; gives how many."""
        name = self.tables[table]
        schema = self.dynamodb.describe_table(TableName=name)["Table"]["KeySchema"]
        keys = [part["AttributeName"] for part in schema]
        pages = self.dynamodb.get_paginator("scan").paginate(TableName=name)
        items = [item for page in pages for item in page["Items"]]
        for item in items[::every]:
            self.dynamodb.delete_item(TableName=name, Key={key: item[key] for key in keys})
        return len(items[::every])

    def back_up(self) -> Mapping[str, str]:
        """The state of all tables at this second."""
        return {
            table: self.dynamodb.create_backup(
                TableName=self.tables[table], BackupName=table.replace("_", "-")
            )["BackupDetails"]["BackupArn"]
            for table in MONEY
        }

    def restore_beside(self, backups: Mapping[str, str]) -> Mapping[str, str]:
        """Each backup in a table of its own beside the one that it is of."""
        names = {table: f"{self.tables[table]}-restored" for table in backups}
        for table, backup in backups.items():
            self.dynamodb.restore_table_from_backup(TargetTableName=names[table], BackupArn=backup)
        return names


@contextmanager
def running_office(emulator: Emulator) -> Iterator[Office]:
    with running_api(emulator) as api:
        tables = services().settings.tables
        yield Office(api=api, tables=tables, dynamodb=boto3.Session().client("dynamodb"))


@pytest.fixture
def office(emulator: Emulator) -> Iterator[Office]:
    with running_office(emulator) as running:
        yield running


def live(office: Office, organization: str) -> str:
    """A life with purchases, reports in batches, open and settled holds; gives an open hold."""
    card = office.api.card(organization)
    office.buy(organization, "50.00", card)
    bought = office.buy(organization, "20.00", card)
    office.report(organization, "1.25", "0.50", "0.125")
    office.report(organization, "2.00")
    hold = office.post(f"{organization}/holds", amount="5.00").json()["id"]
    settled = office.post(f"{organization}/holds", amount="3.00").json()["id"]
    office.post(f"{organization}/holds/{settled}/settle", amount="2.50")
    office.post(f"{organization}/deductions", amount="1.00")
    office.post(f"{organization}/deductions", amount="1000.00")
    refund = {"amount": "4.00", "reason": "part unused"}
    office.post(f"{organization}/purchases/{bought['id']}/refunds", "operator", **refund)
    office.post(f"{organization}/adjustments", "operator", amount="-0.50", reason="a test")
    return str(hold)


def top_up_below(office: Office, organization: str, threshold: str) -> None:
    body = {"enabled": True, "threshold": threshold, "amount": "25.00"}
    path = f"{organization}/auto-top-up"
    assert office.api.call("PUT", path, body=body, scope="credits:write").status == 200


def goes_on(office: Office, organization: str, hold: str) -> None:
    """Permission, holds, purchases and history are as if nothing had happened."""
    before = office.account(organization)
    assert office.post(f"{organization}/deductions", amount="2.00").status == 201
    refused = office.post(f"{organization}/deductions", amount="9000.00")
    assert (refused.status, refused.code) == (402, "insufficient_credits")
    settled = office.post(f"{organization}/holds/{hold}/settle", amount="1.00").json()
    assert (settled["amount"], settled["returned"]) == ("1.00", "4.00")
    bought = office.buy(organization, "10.00", office.api.card(organization))
    assert bought["status"] == "succeeded"
    after = office.account(organization)
    change = after.available_nanos - before.available_nanos
    assert format_usd(change) == "12.00", "-2.00 spent, +4.00 returned, +10.00 bought"
    assert after.held_nanos == before.held_nanos - 5_000_000_000
    kinds = [e["type"] for e in history(office, organization)]
    assert {"purchase", "settlement", "deduction"} <= set(kinds[:4])


def history(office: Office, organization: str) -> list[Any]:
    answer = office.api.call("GET", f"{organization}/ledger?limit=100", scope="credits:read")
    return cast("list[Any]", answer.json()["data"])


def test_lost_accounts_are_rebuilt_from_the_ledger_by_one_command(
    office: Office, capsys: pytest.CaptureFixture[str]
) -> None:
    organizations = ["one", "two", "three"]
    holds = {name: live(office, name) for name in organizations}
    top_up_below(office, "two", "12.00")
    entries = {name: history(office, name) for name in organizations}
    before = office.stored(*organizations)
    assert main(["audit", "--all"]) == 0

    assert office.lose("accounts") == 3
    audit, dry_run, rebuild, audit_again = drill("Accounts that are lost or wrong")
    assert main(audit) == 1
    assert main(dry_run) == 0
    assert office.stored(*organizations) == [None] * 3, "a dry run changes nothing"
    assert main(rebuild) == 0
    assert main(audit_again) == 0

    told = capsys.readouterr().out
    assert "3 accounts checked, 3 not in line, 0 too busy." in told
    assert "3 accounts rebuilt, 0 left." in told
    # The mark by which the sweep looks after an account is all that may differ.
    assert [each and each.account.available_nanos for each in office.stored(*organizations)] == [
        each and each.account.available_nanos for each in before
    ]
    assert [without_mark(each) for each in office.stored(*organizations)] == [
        without_mark(each) for each in before
    ]
    for name in organizations:
        assert history(office, name) == entries[name], "no entry is touched"
        goes_on(office, name, holds[name])
    assert main(["audit", "--all"]) == 0


def test_an_accounts_table_from_yesterday_is_brought_to_the_present(office: Office) -> None:
    hold = live(office, "one")
    backups = office.back_up()
    office.report("one", "7.00")
    before = office.stored("one")
    office.lose("accounts")
    restored = office.restore_beside({"accounts": backups["accounts"]})
    assert main(["restore-table", "accounts", restored["accounts"], "--yes"]) == 0
    assert office.stored("one") != before
    assert main(["audit", "one"]) == 1
    assert main(["rebuild-accounts", "one", "--yes"]) == 0
    assert office.stored("one") == before
    goes_on(office, "one", hold)
    assert main(["audit", "--all"]) == 0


def test_all_tables_go_back_to_one_second_and_reconciling_credits_what_was_paid_since(
    office: Office, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    hold = live(office, "one")
    live(office, "two")
    waiting = office.buy("one", "30.00", careful_card(office, "one"))
    assert waiting["status"] == "requires_action"
    state, kept = office.stored("one", "two"), history(office, "one")
    backups = office.back_up()

    # After that second: a payment is finished, another is made, credits are used.
    authenticate(office, waiting["id"])
    path = f"one/purchases/{waiting['id']}"
    paid = office.api.call("GET", path, scope="credits:read").json()
    assert paid["status"] == "succeeded"
    newer = office.buy("one", "15.00", office.api.card("one"))
    office.report("one", "3.00")
    # Then somebody's script deletes what it shouldn't.
    assert office.lose("ledger", every=2)
    assert office.lose("purchases", every=2)
    assert main(["audit", "--all"]) == 1

    # Step by step as the manual has it; pausing is tried on a deployed stack.
    pause, tables, tables_again, restore, audit, unpause, reconcile, adjust = drill(
        "All tables, to one second"
    )
    assert (pause[0], unpause[0]) == ("pause", "unpause")
    assert tables == tables_again
    go_back(office, backups, tables, restore, capsys)
    assert main(audit) == 0
    assert office.stored("one", "two") == state
    assert history(office, "one") == kept

    # What is younger than ten minutes isn't compared yet.
    monkeypatch.setattr(work, "now", lambda: datetime.now(UTC) + timedelta(minutes=11))
    capsys.readouterr()
    assert main([*reconcile, "--json"]) == 1
    # The application, which is in this process, too, logs beside it; the command by itself doesn't.
    told = capsys.readouterr().out
    findings = json.loads(told[told.index("{\n") :])["findings"]
    found = {finding["difference"]: finding for finding in findings}
    assert set(found) == {"not_credited", "unknown_purchase"}
    assert found["not_credited"]["purchase_id"] == waiting["id"]
    assert found["not_credited"]["repaired"]
    assert found["unknown_purchase"]["detail"] == newer["id"]

    # The customer has paid for the purchase that is unknown now: an operator gives the credits.
    payment = found["unknown_purchase"]["payment_id"]
    meant = {"acme": "one", "pi_123": payment}
    words = [meant.get(word, word.replace("pi_123", payment)) for word in adjust]
    assert main(words) == 0
    assert main(words) == 0, "the same key gives nothing twice"
    (first,) = [each for each in state if each and each.organization_id == "one"]
    gained = office.account("one").available_nanos - first.available_nanos
    assert format_usd(gained) == "45.00"
    numbers = [
        each["invoice"]["number"]
        for each in office.api.call(
            "GET", "one/transactions?limit=100", scope="credits:read"
        ).json()["data"]
    ]
    assert newer["invoice"]["number"] not in numbers, "a number is never given to another"
    assert paid["invoice"]["number"] not in numbers
    goes_on(office, "one", hold)
    assert main(["audit", "--all"]) == 0


def test_a_table_is_restored_only_from_one_of_its_kind(office: Office) -> None:
    ledger = office.tables["ledger"]
    assert main(["restore-table", "ledger", ledger, "--yes"]) == 2
    assert main(["restore-table", "ledger", office.tables["holds"], "--yes"]) == 2
    assert main(["restore-table", "ledger", "no-such-table", "--yes"]) == 2
    assert main(["restore-table", "sequences", "anything", "--yes"]) == 2


def go_back(
    office: Office,
    backups: Mapping[str, str],
    tables: list[str],
    restore: list[str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Restore the tables that the command lists beside themselves, and bring each back."""
    capsys.readouterr()
    assert main(tables) == 0
    listed = dict(line.split(" ") for line in capsys.readouterr().out.splitlines())
    assert sorted(listed) == sorted(MONEY)
    restored = office.restore_beside(backups)
    for table, name in listed.items():
        assert f"{name}-restored" == restored[table]
        shell = {"$TABLE": table, "$NAME-restored": f"{name}-restored"}
        words = [shell.get(word, word) for word in restore]
        assert main([word for word in words if word != "--yes"] + ["--dry-run"]) == 0
        assert main(words) == 0
        assert main(words) == 0, "a second run changes nothing"


def drill(title: str) -> list[list[str]]:
    """The commands of the manual's section, for this installation."""
    return [manual.here(words) for words in manual.commands(manual.section(title))]


def without_mark(stored: StoredAccount | None) -> object:
    found = None if stored is None else stored.described()
    assert found is None or "low_since" not in found
    return found


def careful_card(office: Office, organization: str) -> str:
    """A card whose bank asks for the customer at every payment."""
    office.api.card(organization)
    customer = services().customers.get(organization).customer_id
    stripe = cast("Any", services().payments)._api
    card = stripe.payment_methods.attach(
        "pm_card_threeDSecure2Required", params={"customer": customer}
    )
    return str(card.id)


def authenticate(office: Office, purchase_id: str) -> None:
    """The customer passes the challenge."""
    intents = cast("Any", services().payments)._api.payment_intents.list(params={"limit": 100})
    (own,) = [i for i in intents.data if i.metadata["purchase_id"] == purchase_id]
    url = f"{office.api.stripe.url}/_control/payment_intents/{own.id}/authenticate"
    with requests.Session() as session:
        session.trust_env = False
        assert session.post(url, json={"outcome": "accept"}, timeout=30).ok

"""Notices on the emulated AWS: the outbox's table, the bus, and SES."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from chalicelib.config import Settings
from chalicelib.domain.account import Account as CreditsAccount
from chalicelib.domain.billing import Address, BillingDetails
from chalicelib.domain.customer import Customer
from chalicelib.domain.notices import Notice, NoticeFailedError, exhausted
from chalicelib.domain.write import Committed, Stale, Write
from chalicelib.usecases.noticing import Passing
from chalicelib.wiring import Services
from devstack.emulator import Account

NOW = datetime.now(UTC)
SENDER = "billing@gateway.example"
FACT = exhausted(CreditsAccount(organization_id="acme"), fact="report#1", at=NOW)


@pytest.fixture
def services(aws: Account, monkeypatch: pytest.MonkeyPatch) -> Services:
    """The application's own object graph, in this process, on an empty account."""
    environment = aws.environment | {"MAIL_SENDER": SENDER, "PAGE_URL": "https://credits.example/"}
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return Services(Settings(environment))


def _save(services: Services, *notices: Notice) -> object:
    return services.ledger.commit(Write(organization_id="acme", at=NOW, saves=notices))


def _ear(aws: Account) -> str:
    """A queue behind a rule for everything on the bus."""
    events, sqs = aws.cloud.client("events"), aws.cloud.client("sqs")
    url: str = sqs.create_queue(QueueName="ear")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]
    bus = aws.variables["EVENT_BUS"]
    pattern = json.dumps({"source": ["gateway-credits"]})
    events.put_rule(Name="all", EventBusName=bus, EventPattern=pattern)
    events.put_targets(
        Rule="all", EventBusName=bus, Targets=[{"Id": "ear", "Arn": arn["QueueArn"]}]
    )
    return url


def _heard(aws: Account, url: str) -> list[dict[str, object]]:
    answer = aws.cloud.client("sqs").receive_message(
        QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=2
    )
    return [json.loads(message["Body"]) for message in answer.get("Messages", [])]


def test_the_table_keeps_a_notice_as_it_was_and_once(services: Services) -> None:
    assert _save(services, FACT) == Committed()
    assert services.noticing.notices.get("acme", FACT.name) == FACT
    again = exhausted(
        CreditsAccount(organization_id="acme"), fact="report#1", at=NOW + timedelta(days=9)
    )
    assert _save(services, again) == Stale()
    claimed = FACT.claimed(NOW)
    assert _save(services, claimed) == Committed()
    assert _save(services, claimed) == Stale()
    assert services.noticing.notices.get("acme", FACT.name) == claimed


def test_only_what_is_not_passed_on_yet_is_due(services: Services) -> None:
    _save(services, FACT)
    assert services.noticing.notices.due(NOW + timedelta(minutes=1), 10) == []
    assert services.noticing.notices.due(NOW + timedelta(minutes=3), 10) == [FACT]
    services.noticing.pass_on("acme", FACT.name, now=NOW)
    assert services.noticing.notices.due(NOW + timedelta(days=365), 10) == []


def test_a_listener_behind_a_rule_hears_the_event_of_the_contract(
    aws: Account, services: Services
) -> None:
    url = _ear(aws)
    _save(services, FACT)
    assert services.noticing.pass_on("acme", FACT.name, now=NOW) is Passing.PASSED_ON
    (event,) = _heard(aws, url)
    assert event["detail-type"] == "credits.exhausted"
    assert event["source"] == "gateway-credits"
    assert event["detail"] == FACT.content


def test_an_event_that_the_bus_does_not_take_is_not_taken_for_published(
    services: Services, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    class RefusingClient:
        def put_events(self, **_: object) -> dict[str, object]:
            return {"FailedEntryCount": 1, "Entries": [{"ErrorCode": "ThrottlingException"}]}

    monkeypatch.setattr(services.noticing.events, "_client", RefusingClient())
    with pytest.raises(NoticeFailedError, match="ThrottlingException"):
        services.noticing.events.publish(FACT)
    assert _reasons(caplog) == ["ThrottlingException"]
    _save(services, FACT)
    assert services.noticing.pass_on("acme", FACT.name, now=NOW) is Passing.FAILED
    stored = services.noticing.notices.get("acme", FACT.name)
    assert stored is not None
    assert stored.published_at is None


def test_a_letter_goes_through_ses_and_one_that_is_refused_is_tried_again(
    aws: Account, services: Services, caplog: pytest.LogCaptureFixture
) -> None:
    details = BillingDetails(
        name="Acme GmbH",
        address=Address(line1="Hauptstr. 1", city="Berlin", postal_code="10115", country="DE"),
        email="ada@acme.example",
    )
    buyer = Customer(organization_id="acme", billing_details=details, version=1)
    services.ledger.commit(Write(organization_id="acme", at=NOW, saves=(buyer, FACT)))
    # SES refuses senders that nobody has verified and, until asked, recipients too.
    assert services.noticing.pass_on("acme", FACT.name, now=NOW) is Passing.FAILED
    assert _reasons(caplog) == ["MessageRejected"]
    for address in (SENDER, "ada@acme.example"):
        aws.cloud.client("sesv2").create_email_identity(EmailIdentity=address)
    later = NOW + timedelta(minutes=3)
    assert services.noticing.pass_on("acme", FACT.name, now=later) is Passing.PASSED_ON
    stored = services.noticing.notices.get("acme", FACT.name)
    assert stored is not None
    assert stored.mailed_at == later


def _reasons(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What the log says of notices that were not taken."""
    return [record.reason for record in caplog.records if hasattr(record, "reason")]

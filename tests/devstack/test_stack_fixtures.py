"""What other tests stand on: accounts apart from each other, and faults that happen."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from devstack.emulator import Account, Emulator
from devstack.faults import Faults
from tests.support.stack import NOBODY


def put(account: Account, name: str) -> None:
    account.cloud.client("dynamodb").put_item(
        TableName=account.environment["SEQUENCES_TABLE"], Item={"name": {"S": name}}
    )


def names(account: Account) -> list[str]:
    found = account.cloud.client("dynamodb").scan(
        TableName=account.environment["SEQUENCES_TABLE"], ConsistentRead=True
    )
    return [item["name"]["S"] for item in found["Items"]]


def test_two_accounts_share_nothing(aws: Account, emulator: Emulator) -> None:
    other = emulator.account(given={**NOBODY, "OF_THE_TEST": "yes"})
    put(aws, "here")
    assert (names(aws), names(other)) == (["here"], [])
    assert aws.environment["AWS_ACCESS_KEY_ID"] != other.environment["AWS_ACCESS_KEY_ID"]
    assert other.environment["OF_THE_TEST"] == "yes"


def test_the_environment_names_what_the_template_describes(aws: Account) -> None:
    assert aws.environment["DOCUMENTS_BUCKET"] == aws.physical_ids["DocumentsBucket"]
    assert aws.physical_ids["UsageQueue"].endswith("-usage.fifo")
    assert not [name for name, value in aws.environment.items() if "{{resolve" in value]


def test_a_lost_response_is_lost_after_it_took_effect(faulty_aws: Account, faults: Faults) -> None:
    faults.lose_response(service="dynamodb", operation="PutItem")
    put(faulty_aws, "twice")  # botocore tries again by itself
    (fired,) = faults.fired()
    assert fired["operation"] == "PutItem"
    assert names(faulty_aws) == ["twice"]


def test_a_conflict_is_what_dynamodb_would_answer(faulty_aws: Account, faults: Faults) -> None:
    faults.conflict(items=2, times=10)  # more often than botocore tries
    dynamodb = faulty_aws.cloud.client("dynamodb")
    table = faulty_aws.environment["SEQUENCES_TABLE"]
    with pytest.raises(dynamodb.exceptions.TransactionCanceledException) as refused:
        dynamodb.transact_write_items(
            TransactItems=[
                {"Put": {"TableName": table, "Item": {"name": {"S": name}}}} for name in "ab"
            ]
        )
    reasons = refused.value.response["CancellationReasons"]
    assert [reason["Code"] for reason in reasons] == ["TransactionConflict", "None"]
    assert names(faulty_aws) == []


def test_a_failure_happens_before_it_takes_effect(faulty_aws: Account, faults: Faults) -> None:
    faults.fail(service="dynamodb", operation="PutItem", code="ValidationException")
    with pytest.raises(ClientError, match="ValidationException"):
        put(faulty_aws, "never")
    assert names(faulty_aws) == []

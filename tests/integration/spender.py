"""A gateway process for a race: 16 threads deduct over HTTP and report to the queue at once.

`python -m tests.integration.spender NAME URL TOKEN QUEUE_URL` sends each deduction and each report
twice, and prints the keys of the deductions that were answered 201. Other processes send the same
reports.
"""

from __future__ import annotations

import json
import sys
import uuid
from concurrent.futures import ThreadPoolExecutor

import boto3
import requests

THREADS = 16
DEDUCTIONS = 4
REPORTS = 3


def main(name: str, url: str, token: str, queue_url: str) -> None:
    """Spend, and print what was let."""
    sqs = boto3.client("sqs")

    def spend(thread: int) -> list[str]:
        allowed = set()
        with requests.Session() as session:
            session.trust_env = False
            session.headers["Authorization"] = f"Bearer {token}"
            for number in range(DEDUCTIONS):
                key = f"{name}-{thread}-{number}"
                for _ in range(2):
                    answer = session.post(
                        f"{url}/v1/organizations/race/deductions",
                        json={"amount": "0.50"},
                        headers={"Idempotency-Key": key},
                        timeout=120,
                    )
                    if answer.status_code == requests.codes.created:
                        allowed.add(key)
                    elif answer.status_code != requests.codes.payment_required:
                        raise RuntimeError(answer.text)
            for number in range(REPORTS):
                for _ in range(2):
                    sqs.send_message(
                        QueueUrl=queue_url,
                        MessageGroupId="race",
                        MessageDeduplicationId=uuid.uuid4().hex,
                        MessageBody=report(f"report-{thread}-{number}"),
                    )
        return sorted(allowed)

    with ThreadPoolExecutor(THREADS) as threads:
        allowed = [key for keys in threads.map(spend, range(THREADS)) for key in keys]
    json.dump(allowed, sys.stdout)


def report(report_id: str) -> str:
    """A report of 0.01."""
    return json.dumps(
        {
            "version": 1,
            "report_id": report_id,
            "organization_id": "race",
            "occurred_at": "2026-11-23T10:00:00Z",
            "lines": [{"kind": "amount", "amount": "0.01", "description": "race"}],
        }
    )


if __name__ == "__main__":
    main(*sys.argv[1:])

"""Compares Stripe's payments, refunds and disputes with the ledger: `make reconcile`.

By default in this process, with the environment of the running local stack or, for an operator,
of an installation. With `--stack` the installation's own function does it, which has the keys.
Repairs what a lost event explains, prints the report, and ends with 1 if a person is needed.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import boto3
from botocore.config import Config

from chalicelib.config import SettingsError
from chalicelib.wiring import now, services

#: As long as the function may run.
_FUNCTION_SECONDS = 900


def main(arguments: list[str] | None = None) -> int:
    """Reconcile and print; 1 when differences are left or not all was seen, 2 without settings."""
    parser = argparse.ArgumentParser(prog="reconcile", description=__doc__)
    parser.add_argument("--days", type=int, default=7, help="how far back payments are compared")
    parser.add_argument("--stack", help="the CloudFormation stack whose function is to do it")
    given = parser.parse_args(arguments)
    try:
        report = _by_function(given.stack, given.days) if given.stack else _here(given.days)
    except SettingsError as error:
        text = f"{error} Start the local stack, or name an installation's with --stack."
        print(text, file=sys.stderr)
        return 2
    print(as_text(report))
    return 0 if report["complete"] and report["in_line"] else 1


def as_text(report: Mapping[str, Any]) -> str:
    """The report for a person."""
    lines = [
        f"Since {report['since']}: {report['payments']} payments.",
        f"Charged {report['charged']} = credited {report['credited']} + tax {report['tax']} USD.",
        f"Sent back {report['sent_back']} USD of it, and took {report['taken_back']} of credits.",
        f"Refunds and disputes looked at, of older payments, too: {report['reversals']}.",
    ]
    for finding in report["findings"]:
        state = "repaired" if finding["repaired"] else "OPEN"
        whose = f"{finding['organization_id'] or '?'} {finding['purchase_id'] or '?'}"
        words = f"{state}: {finding['difference']} {finding['payment_id']} {whose}"
        lines.append(f"  {words} {finding['detail']}".rstrip())
    if not report["complete"]:
        lines.append("Not everything was looked at: there is too much for one run.")
    left = [finding for finding in report["findings"] if not finding["repaired"]]
    lines.append(f"{len(left)} differences are left." if left else "Everything is in line.")
    return "\n".join(lines)


def _here(days: int) -> Mapping[str, Any]:
    report = services().reconciling.reconcile(window=timedelta(days=days), now=now())
    return report.body()


def _by_function(stack: str, days: int) -> Mapping[str, Any]:
    resource = boto3.client("cloudformation").describe_stack_resource(
        StackName=stack, LogicalResourceId="Reconcile"
    )
    # No second try by the client: it would start a second run beside the first.
    patient = Config(read_timeout=_FUNCTION_SECONDS, retries={"total_max_attempts": 1})
    answer = boto3.client("lambda", config=patient).invoke(
        FunctionName=resource["StackResourceDetail"]["PhysicalResourceId"],
        Payload=json.dumps(
            {
                "version": "0",
                "id": "by-hand",
                "detail-type": "Scheduled Event",
                "source": "gateway-credits",
                "account": "",
                "time": "",
                "region": "",
                "resources": [],
                "detail": {"days": days},
            }
        ),
    )
    body: dict[str, Any] = json.loads(answer["Payload"].read())
    if "FunctionError" in answer:
        raise SystemExit(f"The function failed: {body}")
    return body


if __name__ == "__main__":
    sys.exit(main())

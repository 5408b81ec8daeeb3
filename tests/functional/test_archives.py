"""A month's invoices in one file, over the real interfaces."""

from __future__ import annotations

import io
import time
import uuid
import zipfile
from datetime import UTC, datetime

import requests

from devstack.stack import Stack
from tests.contract.test_openapi import DETAILS, save_card
from tests.support.contract import ContractSession

AS_JSON = {"Accept": "application/json"}


def buy(session: ContractSession, stack: Stack, organization: str, count: int) -> str:
    token = stack.token(organization_id=organization, scope="credits:read credits:write")
    card = save_card(session, stack, organization, token)
    base = f"/v1/organizations/{organization}"
    session.call("PUT", f"{base}/billing-details", body=DETAILS, token=token)
    order = {"amount": "5.00", "payment_method_id": card}
    for number in range(count):
        bought = session.call(
            "POST", f"{base}/purchases", body=order, token=token, key=f"{card}-{number}"
        )
        assert bought.status_code == 201, bought.text
    return str(token)


def names_in(url: str) -> list[str]:
    with zipfile.ZipFile(io.BytesIO(requests.get(url, timeout=30).content)) as archive:
        assert archive.testzip() is None
        assert all(archive.read(name).startswith(b"%PDF-") for name in archive.namelist())
        return archive.namelist()


def test_a_few_invoices_are_archived_at_once(stack: Stack) -> None:
    session = ContractSession(stack.url)
    organization = f"few-{uuid.uuid4().hex[:8]}"
    token = buy(session, stack, organization, 2)
    path = f"/v1/organizations/{organization}/invoices.zip?month={datetime.now(UTC):%Y-%m}"
    answer = session.call("GET", path, token=token, headers=AS_JSON)
    assert answer.status_code == 200
    assert answer.json()["invoices"] == 2
    assert len(names_in(answer.json()["url"])) == 2
    assert session.call("GET", path, token=token).status_code == 302
    buy(session, stack, organization, 1)
    later = session.call("GET", path, token=token, headers=AS_JSON)
    assert later.json()["invoices"] == 3, "a month that goes on gets a further archive"
    session.close()


def test_many_invoices_are_archived_by_the_worker_with_progress(stack: Stack) -> None:
    session = ContractSession(stack.url)
    organization = f"many-{uuid.uuid4().hex[:8]}"
    token = buy(session, stack, organization, 30)
    path = f"/v1/organizations/{organization}/invoices.zip?month={datetime.now(UTC):%Y-%m}"
    first = session.call("GET", path, token=token, headers=AS_JSON)
    assert first.status_code == 202
    assert first.json()["total"] == 30
    assert first.headers["Retry-After"]
    for _ in range(150):
        answer = session.call("GET", path, token=token, headers=AS_JSON)
        if answer.status_code == 200:
            break
        time.sleep(0.2)
    assert len(names_in(answer.json()["url"])) == 30
    session.close()


def test_a_month_without_invoices_and_one_that_is_none_are_refused(stack: Stack) -> None:
    session = ContractSession(stack.url)
    token = stack.token(organization_id="nobody", scope="credits:read")
    base = "/v1/organizations/nobody/invoices.zip"
    assert session.call("GET", f"{base}?month=2020-01", token=token).status_code == 404
    for month in ("2020-13", "2020", "", "January"):
        refused = session.call("GET", f"{base}?month={month}", token=token)
        assert refused.status_code == 422, month
        assert refused.json()["errors"][0]["field"] == "month"
    assert session.call("GET", base, token=token).status_code == 422
    session.close()

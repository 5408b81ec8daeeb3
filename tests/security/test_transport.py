"""Over a real connection: sizes and headers, before anything of the application sees them."""

from __future__ import annotations

import gzip
import http.client
import json
import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
import requests

from devstack.stack import Stack

SIX_MEGABYTES = 6 * 1024 * 1024


@pytest.fixture
def session() -> Iterator[requests.Session]:
    with requests.Session() as one:
        one.trust_env = False
        yield one


def deductions(stack: Stack) -> str:
    return f"{stack.url}/v1/organizations/acme/deductions"


def headers(stack: Stack) -> dict[str, str]:
    token = stack.token(organization_id="acme", scope="gateway")
    return {"Authorization": f"Bearer {token}", "Idempotency-Key": "k"}


def require_problem(response: requests.Response, status: int, code: str) -> None:
    assert response.status_code == status, response.text
    assert response.headers["Content-Type"] == "application/problem+json"
    assert response.json()["code"] == code


def test_a_body_of_more_than_six_megabytes_is_refused(
    stack: Stack, session: requests.Session
) -> None:
    for path in ("/v1/organizations/acme/deductions", "/webhooks/stripe"):
        huge = session.post(stack.url + path, data=b" " * (SIX_MEGABYTES + 1), timeout=60)
        require_problem(huge, 413, "invalid_request")


def test_a_body_of_six_megabytes_is_read_and_refused(
    stack: Stack, session: requests.Session
) -> None:
    body = b'{"amount": "' + b"9" * (SIX_MEGABYTES - 14) + b'"}'
    answer = session.post(deductions(stack), data=body, headers=headers(stack), timeout=60)
    require_problem(answer, 422, "validation_failed")
    assert len(answer.content) < 1000


@pytest.mark.parametrize(
    "content_type",
    ["text/plain", "application/xml", "application/x-www-form-urlencoded", "", "é", "a" * 5000],
)
def test_a_body_is_json_whatever_it_is_called(
    stack: Stack, session: requests.Session, content_type: str
) -> None:
    sent: dict[str, str | bytes | None] = {**headers(stack)}
    sent["Content-Type"] = content_type.encode("latin-1")
    good = session.post(deductions(stack), data='{"amount": "1.00"}', headers=sent, timeout=30)
    require_problem(good, 402, "insufficient_credits")
    form = session.post(deductions(stack), data="amount=1.00", headers=sent, timeout=30)
    require_problem(form, 400, "invalid_request")


def test_packed_bytes_are_no_body(stack: Stack, session: requests.Session) -> None:
    bomb = gzip.compress(json.dumps({"amount": "1.00"}).encode() + b" " * 50_000_000)
    sent = {**headers(stack), "Content-Encoding": "gzip"}
    answer = session.post(deductions(stack), data=bomb, headers=sent, timeout=30)
    require_problem(answer, 400, "invalid_request")


def test_a_header_that_never_ends_is_refused(stack: Stack) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", urlsplit(stack.url).port or 0, timeout=30)
    try:
        connection.request("GET", "/healthz", headers={"X-Long": "a" * 1_000_000})
        assert connection.getresponse().status in {400, 431}
    finally:
        connection.close()


@pytest.mark.parametrize("key", [b"a\x0bb", b"a\x00b", b"\xff", b"a\tb", b"x" * 256])
def test_a_key_that_no_client_would_send_is_refused(stack: Stack, key: bytes) -> None:
    """Written byte by byte: libraries for requests refuse to send these."""
    token = stack.token(organization_id="acme", scope="gateway")
    body = b'{"amount": "1.00"}'
    request = b"\r\n".join(
        [
            b"POST /v1/organizations/acme/deductions HTTP/1.1",
            b"Host: localhost",
            b"Authorization: Bearer " + token.encode(),
            b"Idempotency-Key: " + key,
            b"Content-Length: %d" % len(body),
            b"Connection: close",
            b"",
            body,
        ]
    )
    with socket.create_connection(("127.0.0.1", urlsplit(stack.url).port), timeout=30) as wire:
        wire.sendall(request)
        answer = b"".join(iter(lambda: wire.recv(65536), b""))
    assert answer.split()[1] == b"400"
    assert b"application/problem+json" in answer


def test_a_line_break_in_a_key_begins_no_other_header(stack: Stack) -> None:
    """What follows the break is another header of the request, and none of the answer."""
    connection = http.client.HTTPConnection("127.0.0.1", urlsplit(stack.url).port or 0, timeout=30)
    with pytest.raises(ValueError, match="Invalid header value"):
        connection.request("GET", "/healthz", headers={"Idempotency-Key": "a\r\nX-Injected: 1"})
    connection.close()
    with socket.create_connection(("127.0.0.1", urlsplit(stack.url).port), timeout=30) as wire:
        wire.sendall(
            b"GET /v1/organizations/acme/credits HTTP/1.1\r\nHost: localhost\r\n"
            b"Idempotency-Key: a\r\nX-Injected: 1\r\nConnection: close\r\n\r\n"
        )
        answer = b"".join(iter(lambda: wire.recv(65536), b""))
    assert answer.startswith(b"HTTP/1.1 401 ")
    assert b"X-Injected" not in answer

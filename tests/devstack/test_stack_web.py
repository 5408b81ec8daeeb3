"""The web process stands for API Gateway: what a caller sends arrives as it would on AWS."""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import pytest
import requests

from devstack.stack import Stack


@pytest.fixture
def session() -> Iterator[requests.Session]:
    with requests.Session() as one:
        one.trust_env = False
        yield one


def test_parameters_stay_encoded_and_queries_are_decoded(
    stub: Stack, session: requests.Session
) -> None:
    response = session.get(
        f"{stub.url}/echo/a%2Fb%20c?x=1&x=2&empty=&y=%C3%A4+z", headers={"X-Test": "seen"}
    )
    assert response.json() == {
        "word": "a%2Fb%20c",
        "body": "",
        "base64": False,
        "query": {"x": ["1", "2"], "empty": [""], "y": ["ä z"]},
        "header": "seen",
        "path": "/echo/a%2Fb%20c",
    }


@pytest.mark.parametrize(
    ("body", "content_type", "is_base64"),
    [
        ('{ "ä" :\t1}\r\n'.encode(), "application/json; charset=utf-8", False),
        (b"\x89PNG\x00\xff", "image/png", True),
        (b'{"not utf-8": "\xff"}', "application/json", True),
    ],
)
def test_a_body_arrives_byte_for_byte(
    stub: Stack, session: requests.Session, body: bytes, content_type: str, *, is_base64: bool
) -> None:
    response = session.post(f"{stub.url}/echo/x", data=body, headers={"Content-Type": content_type})
    assert bytes.fromhex(response.json()["body"]) == body
    assert response.json()["base64"] is is_base64


def test_a_chunked_body_arrives_whole(stub: Stack, session: requests.Session) -> None:
    response = session.post(f"{stub.url}/echo/x", data=iter([b"one ", b"two ", b"three"]))
    assert bytes.fromhex(response.json()["body"]) == b"one two three"


def test_a_fixed_word_comes_before_a_parameter_and_a_slash_at_the_end_does_not_count(
    stub: Stack, session: requests.Session
) -> None:
    assert session.get(f"{stub.url}/echo/fixed").json() == {"shown": "fixed"}
    assert session.get(f"{stub.url}/echo/fixed/").json() == {"shown": "fixed"}


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/nothing"), ("DELETE", "/echo/x"), ("GET", "/echo"), ("GET", "/echo//"),
     ("OPTIONS", "/echo/x"), ("POST", "/echo/fixed")],
)  # fmt: skip
def test_an_unknown_route_is_a_problem_of_404(
    stub: Stack, session: requests.Session, method: str, path: str
) -> None:
    response = session.request(method, stub.url + path)
    assert response.status_code == 404
    assert response.headers["Content-Type"] == "application/problem+json"
    assert {k: response.json()[k] for k in ("type", "title", "status", "code")} == {
        "type": "about:blank", "title": "Not Found", "status": 404, "code": "not_found",
    }  # fmt: skip


def test_head_is_answered_without_a_body(stub: Stack) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", urlsplit(stub.url).port or 0)
    for _ in range(2):  # a body would be read as the start of the second answer
        connection.request("HEAD", "/")
        response = connection.getresponse()
        assert (response.status, response.read()) == (404, b"")
    connection.close()


def test_six_megabytes_are_read_and_more_is_a_problem_of_413(
    stub: Stack, session: requests.Session
) -> None:
    limit = 6 * 1024 * 1024
    read = session.post(f"{stub.url}/echo/x", data=b"a" * limit)
    assert read.status_code == 502, "Lambda's limit for the answer, which is twice as long"
    refused = session.post(f"{stub.url}/echo/x", data=b"a" * (limit + 1))
    assert refused.status_code == 413
    assert refused.headers["Content-Type"] == "application/problem+json"


def test_what_is_no_http_is_a_problem_too(stub: Stack) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", urlsplit(stub.url).port or 0)
    connection.putrequest("POST", "/echo/x", skip_accept_encoding=True)
    connection.putheader("Content-Length", "a lot")
    connection.endheaders()
    response = connection.getresponse()
    assert response.status == 400
    assert response.headers["Content-Type"] == "application/problem+json"
    connection.close()


@pytest.mark.parametrize("path", ["/broken", "/large"])
def test_an_answer_that_lambda_could_not_give_is_502_without_a_trace(
    stub: Stack, session: requests.Session, path: str
) -> None:
    response = session.get(stub.url + path)
    assert response.status_code == 502
    assert response.json()["code"] == "internal_error"
    assert "Traceback" not in response.text
    assert "Traceback" in (stub.logs / "web.log").read_text()


def test_binary_answers_and_repeated_headers_come_through(
    stub: Stack, session: requests.Session
) -> None:
    assert session.get(f"{stub.url}/picture").content == b"\x89PNG\x00"
    moved = session.get(f"{stub.url}/cookies", allow_redirects=False)
    assert moved.headers["Location"] == "/"
    assert moved.raw.headers.getlist("Set-Cookie") == ["a=1", "b=2"]


def test_sixteen_requests_at_once_each_see_their_own(stub: Stack) -> None:
    def ask(number: int) -> dict[str, object]:
        found: dict[str, object] = requests.get(f"{stub.url}/together/{number}", timeout=120).json()
        return found

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(ask, range(16)))
    assert answers == [{"number": str(n), "seen": {"number": str(n)}} for n in range(16)]


def test_the_template_and_the_stack_make_the_environment(
    stub: Stack, session: requests.Session
) -> None:
    shown = session.get(f"{stub.url}/settings").json()
    physical = stub.cloud.physical_ids()
    assert shown["SEEN_TABLE"] == physical["SeenTable"]
    assert shown["JOBS_QUEUE_URL"] == physical["JobsQueue"]
    assert shown["JOBS_QUEUE_URL"].startswith(f"{stub.addresses.aws}/")
    assert shown["BUS_NAME"] == "stub"
    assert shown["LITERAL"] == "as it is"
    assert shown["BUCKET_ARN"] == f"arn:aws:s3:::{physical['Bucket']}"
    assert shown["STRIPE_API_KEY"].startswith("sk_test_")
    assert shown["OF_THE_TEST"] == "yes"
    assert shown["AWS_ENDPOINT_URL"] == stub.addresses.aws
    assert "AWS_PROFILE" not in shown
    assert "AWS_CA_BUNDLE" not in shown


def test_a_killed_web_process_can_be_started_again(stub: Stack, session: requests.Session) -> None:
    stub.kill("web")
    stub.restart("web")
    assert session.get(stub.url).json() == {"shown": "index"}

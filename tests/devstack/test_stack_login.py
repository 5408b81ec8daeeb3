"""The local log-in gives tokens only by the protocol, and only to this machine."""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest
import requests

from devstack.stack import Stack

CALLBACK = "http://127.0.0.1:1/callback"


@pytest.fixture
def session() -> Iterator[requests.Session]:
    with requests.Session() as one:
        one.trust_env = False
        yield one


@pytest.fixture
def configuration(stub: Stack, session: requests.Session) -> dict[str, Any]:
    found: dict[str, Any] = session.get(
        f"{stub.environment['JWT_ISSUER']}/.well-known/openid-configuration"
    ).json()
    return found


class Browser:
    """Goes through the log-in as the Credits page and its user do."""

    def __init__(self, session: requests.Session, configuration: dict[str, Any]) -> None:
        self.session = session
        self.configuration = configuration
        self.verifier = secrets.token_urlsafe(48)
        digest = hashlib.sha256(self.verifier.encode()).digest()
        self.query = {
            "response_type": "code",
            "client_id": "page",
            "redirect_uri": CALLBACK,
            "state": "a&state",
            "nonce": "once",
            "scope": "openid credits:read",
            "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
        }

    def form(self) -> requests.Response:
        return self.session.get(self.configuration["authorization_endpoint"], params=self.query)

    def choose(self, **chosen: Any) -> requests.Response:
        """Send the form with its hidden fields as the page has them."""
        fields = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', self.form().text))
        fields = {name: value.replace("&amp;", "&") for name, value in fields.items()}
        return self.session.post(
            self.configuration["authorization_endpoint"],
            data={**fields, "organization": "acme", "scopes": ["credits:read"], **chosen},
            allow_redirects=False,
        )

    def code(self, **chosen: Any) -> str:
        query = parse_qs(urlsplit(self.choose(**chosen).headers["Location"]).query)
        assert query["state"] == ["a&state"]
        return query["code"][0]

    def exchange(self, code: str, **changed: str) -> requests.Response:
        fields = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": CALLBACK,
            "client_id": "page",
            "code_verifier": self.verifier,
        }
        return self.session.post(self.configuration["token_endpoint"], data={**fields, **changed})


@pytest.fixture
def browser(session: requests.Session, configuration: dict[str, Any]) -> Browser:
    return Browser(session, configuration)


def claims(stack: Stack, token: str, *, audience: str) -> dict[str, Any]:
    """Verify a token by the published key set, as the application does."""
    keys = jwt.PyJWKClient(stack.environment["JWT_JWKS_URL"])
    found: dict[str, Any] = jwt.decode(
        token,
        keys.get_signing_key_from_jwt(token).key,
        algorithms=["ES256"],
        audience=audience,
        issuer=stack.environment["JWT_ISSUER"],
    )
    return found


def test_a_log_in_gives_a_token_of_the_chosen_organization(stub: Stack, browser: Browser) -> None:
    answer = browser.exchange(browser.code(scopes=["credits:read", "gateway"])).json()
    token = claims(stub, answer["access_token"], audience=stub.environment["JWT_AUDIENCE"])
    assert (token["org_id"], token["scope"]) == ("acme", "credits:read gateway")
    assert claims(stub, answer["id_token"], audience="page")["nonce"] == "once"


def test_the_form_proposes_what_was_asked_for(browser: Browser) -> None:
    page = browser.form().text
    assert 'value="credits:read" checked' in page
    assert 'value="operator">' in page


def test_a_code_is_good_for_one_exchange(browser: Browser) -> None:
    code = browser.code()
    assert browser.exchange(code).status_code == 200
    assert browser.exchange(code).json() == {"error": "invalid_grant"}


@pytest.mark.parametrize(
    "changed",
    [
        {"code_verifier": "of somebody else"},
        {"redirect_uri": "http://127.0.0.1:2/"},
        {"client_id": "another"},
    ],
)
def test_a_code_is_only_for_who_asked_for_it(browser: Browser, changed: dict[str, str]) -> None:
    code = browser.code()
    assert browser.exchange(code, **changed).json() == {"error": "invalid_grant"}
    # One wrong guess ends it, for whoever guessed has seen the code.
    assert browser.exchange(code).status_code == 400


def test_a_code_that_nobody_was_given_is_worth_nothing(browser: Browser) -> None:
    assert browser.exchange("made up").json() == {"error": "invalid_grant"}


@pytest.mark.parametrize(
    "changed",
    [
        {"redirect_uri": "https://evil.example/"},
        {"redirect_uri": "https://127.0.0.1.evil.example/"},
        {"redirect_uri": "https://127.0.0.1@evil.example/"},
        {"redirect_uri": "javascript:alert(1)"},
        {"redirect_uri": "http://127.0.0.1/\r\nX: y"},
        {"response_type": "token"},
        {"code_challenge_method": "plain"},
        {"code_challenge": "short"},
    ],
)
def test_what_is_not_the_protocol_is_refused(browser: Browser, changed: dict[str, str]) -> None:
    browser.query |= changed
    refused = browser.form()
    assert refused.status_code == 400
    assert refused.json()["error"] == "invalid_request"
    posted = browser.session.post(
        browser.configuration["authorization_endpoint"],
        data={**browser.query, "organization": "acme"},
        allow_redirects=False,
    )
    assert posted.status_code == 400


def test_what_the_caller_sends_is_never_markup(browser: Browser) -> None:
    browser.query["state"] = '"><script>alert(1)</script>'
    page = browser.form()
    assert "<script>" not in page.text
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]


def test_an_organization_must_be_one_of_the_contract(browser: Browser) -> None:
    assert browser.choose(organization="a/b").status_code == 400


def test_another_name_for_this_machine_is_refused(
    browser: Browser, session: requests.Session
) -> None:
    headers = {"Host": "rebound.evil.example"}
    response = session.get(browser.configuration["jwks_uri"], headers=headers)
    assert response.status_code == 400


def test_both_ports_publish_the_same_keys(stub: Stack, browser: Browser) -> None:
    published = browser.session.get(browser.configuration["jwks_uri"]).json()
    assert browser.session.get(stub.environment["JWT_JWKS_URL"]).json() == published
    assert browser.session.get(f"{stub.url}/.local/jwks.json").json() == published
    assert set(published["keys"][0]) == {"crv", "kty", "x", "y", "use", "alg", "kid"}

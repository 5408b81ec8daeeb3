"""A minimal OpenID Connect provider on loopback: the local stack's log-in for the Credits page.

Authorization code with PKCE (RFC 7636, S256 only). Whoever opens the page may be whoever they
like; that is the point of a local stack, so it answers nobody but this machine.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import secrets
import threading
import time
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlencode, urlsplit

from devstack.login_page import log_in_page
from devstack.tokens import ALGORITHM, LIFE_SECONDS, SCOPES, Issuer

if TYPE_CHECKING:
    from collections.abc import Iterable
    from wsgiref.types import StartResponse, WSGIEnvironment

CODE_SECONDS = 60
FORM_MAX_BYTES = 64 * 1024
LOOPBACK_HOSTS = frozenset({"127.0.0.1", "localhost", "::1"})
GIVEN_SCOPES = frozenset({"credits:read", "credits:write"})
_ORGANIZATION = re.compile(r"[A-Za-z0-9_-]{1,64}")
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")
_SENT_BACK = (
    "client_id",
    "redirect_uri",
    "state",
    "nonce",
    "code_challenge",
    "response_type",
    "code_challenge_method",
)
"""What the form carries from the request to its answer."""

Reply = tuple[HTTPStatus, dict[str, str], str]


class RefusedError(Exception):
    """A request of the protocol that can't be served; the text goes to whoever sent it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Grant:
    """What a code stands for."""

    client_id: str
    redirect_uri: str
    challenge: str
    nonce: str
    organization_id: str
    scope: str
    expires_at: float


class Provider:
    """A WSGI application for everything below `/.local/`."""

    def __init__(self, issuer: Issuer) -> None:
        self._issuer = issuer
        self._grants: dict[str, _Grant] = {}
        self._lock = threading.Lock()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request; a refusal is 400 with its reason."""
        try:
            status, headers, body = self._reply(environ)
        except RefusedError as refusal:
            error = {"error": "invalid_request", "error_description": str(refusal)}
            status, headers, body = _json(error, HTTPStatus.BAD_REQUEST)
        data = body.encode()
        headers = {**headers, "Content-Length": str(len(data)), "Cache-Control": "no-store"}
        start_response(f"{status.value} {status.phrase}", list(headers.items()))
        return [data]

    def _reply(self, environ: WSGIEnvironment) -> Reply:
        host = urlsplit(f"//{environ.get('HTTP_HOST', '')}").hostname
        if host not in LOOPBACK_HOSTS:
            # Another name for this machine is how a foreign page would get in.
            raise RefusedError(f"This is only for {', '.join(sorted(LOOPBACK_HOSTS))}.")
        match environ["REQUEST_METHOD"], environ["PATH_INFO"]:
            case "GET", "/.local/jwks.json" | "/.local/oidc/jwks.json":
                return _json(self._issuer.key_set())
            case "GET", "/.local/oidc/.well-known/openid-configuration":
                return _json(self._configuration())
            case "GET", "/.local/oidc/authorize":
                return self._form(_fields(environ["QUERY_STRING"]))
            case "POST", "/.local/oidc/authorize":
                return self._grant(_posted(environ))
            case "POST", "/.local/oidc/token":
                return self._exchange(_posted(environ))
        return _json({"error": "not_found"}, HTTPStatus.NOT_FOUND)

    def _configuration(self) -> dict[str, Any]:
        base = self._issuer.url
        return {
            "issuer": base,
            "authorization_endpoint": f"{base}/authorize",
            "token_endpoint": f"{base}/token",
            "jwks_uri": f"{base}/jwks.json",
            "response_types_supported": ["code"],
            "grant_types_supported": ["authorization_code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": [ALGORITHM],
            "token_endpoint_auth_methods_supported": ["none"],
            "code_challenge_methods_supported": ["S256"],
            "scopes_supported": ["openid", *SCOPES],
        }

    def _form(self, fields: dict[str, str]) -> Reply:
        """Show who may be chosen to be; nothing is granted yet."""
        _check(fields)
        asked = frozenset(fields.get("scope", "").split()) & frozenset(SCOPES) or GIVEN_SCOPES
        page = log_in_page(
            hidden={name: fields[name] for name in _SENT_BACK if name in fields}, asked=asked
        )
        policy = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"
        headers = {"Content-Type": "text/html; charset=utf-8", "Content-Security-Policy": policy}
        return HTTPStatus.OK, headers, page

    def _grant(self, posted: dict[str, list[str]]) -> Reply:
        """Keep what was chosen under a new code, and send the browser back with it."""
        fields = {name: values[-1] for name, values in posted.items()}
        redirect_uri = _check(fields)
        organization = fields.get("organization", "")
        if not _ORGANIZATION.fullmatch(organization):
            raise RefusedError("An organization is 1 to 64 letters, digits, _ and -.")
        code = secrets.token_urlsafe(32)
        grant = _Grant(
            client_id=fields.get("client_id", ""),
            redirect_uri=redirect_uri,
            challenge=fields["code_challenge"],
            nonce=fields.get("nonce", ""),
            organization_id=organization,
            scope=" ".join(scope for scope in SCOPES if scope in posted.get("scopes", ())),
            expires_at=time.monotonic() + CODE_SECONDS,
        )
        with self._lock:
            now = time.monotonic()
            self._grants = {k: g for k, g in self._grants.items() if g.expires_at > now}
            self._grants[code] = grant
        answer = {"code": code, "iss": self._issuer.url}
        if "state" in fields:
            answer["state"] = fields["state"]
        separator = "&" if urlsplit(redirect_uri).query else "?"
        location = f"{redirect_uri}{separator}{urlencode(answer)}"
        return HTTPStatus.SEE_OTHER, {"Location": location}, ""

    def _exchange(self, posted: dict[str, list[str]]) -> Reply:
        """Give the tokens for a code, once, to whoever holds its verifier."""
        fields = {name: values[-1] for name, values in posted.items()}
        if fields.get("grant_type") != "authorization_code":
            return _json({"error": "unsupported_grant_type"}, HTTPStatus.BAD_REQUEST)
        with self._lock:
            grant = self._grants.pop(fields.get("code", ""), None)
        digest = hashlib.sha256(fields.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if (
            grant is None
            or grant.expires_at <= time.monotonic()
            or grant.redirect_uri != fields.get("redirect_uri")
            or grant.client_id != fields.get("client_id", "")
            or not hmac.compare_digest(grant.challenge, challenge)
        ):
            return _json({"error": "invalid_grant"}, HTTPStatus.BAD_REQUEST)
        subject = f"user-of-{grant.organization_id}"
        identity = {"aud": grant.client_id, "sub": subject, "nonce": grant.nonce}
        return _json(
            {
                "access_token": self._issuer.token(
                    organization_id=grant.organization_id, scope=grant.scope, subject=subject
                ),
                "id_token": self._issuer.sign(identity),
                "token_type": "Bearer",
                "expires_in": LIFE_SECONDS,
                "scope": grant.scope,
            }
        )


def _check(fields: dict[str, str]) -> str:
    """Return the address to send the browser back to, or refuse the request."""
    redirect_uri = fields.get("redirect_uri", "")
    target = urlsplit(redirect_uri)
    if target.scheme not in {"http", "https"} or target.hostname not in LOOPBACK_HOSTS:
        raise RefusedError("redirect_uri must be an address of this machine.")
    if re.search(r"[\x00-\x20\x7f]", redirect_uri) or target.fragment:
        raise RefusedError("redirect_uri is not a plain address.")
    if fields.get("response_type") != "code":
        raise RefusedError("response_type must be code.")
    challenge = fields.get("code_challenge", "")
    if fields.get("code_challenge_method") != "S256" or not _CHALLENGE.fullmatch(challenge):
        raise RefusedError("A code_challenge of method S256 is required.")
    return redirect_uri


def _fields(query: str) -> dict[str, str]:
    return {name: values[-1] for name, values in parse_qs(query).items()}


def _posted(environ: WSGIEnvironment) -> dict[str, list[str]]:
    body = environ["wsgi.input"].read(FORM_MAX_BYTES)
    return parse_qs(body.decode("utf-8", errors="replace"))


def _json(value: dict[str, Any], status: HTTPStatus = HTTPStatus.OK) -> Reply:
    return status, {"Content-Type": "application/json"}, json.dumps(value)

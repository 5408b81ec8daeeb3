"""Who may call: tokens that prove something, and what their scopes reach."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from app import app
from devstack.emulator import Emulator
from tests.functional.api import EC_KEY, RSA_KEY, Api, claims_of, running_api, sign

LONG_AGO = 1_000_000_000
OTHER_EC_KEY = ec.generate_private_key(ec.SECP256R1())
OTHER_RSA_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
READ = "credits:read"


@pytest.fixture(scope="module")
def api(emulator: Emulator) -> Iterator[Api]:
    with running_api(emulator) as running:
        yield running


def pem(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> bytes:
    return key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def unsigned(header: dict[str, object], claims: dict[str, object], signature: bytes = b"") -> str:
    parts = (json.dumps(header).encode(), json.dumps(claims).encode(), signature)
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)


def hmac_signed(key: bytes, kid: str) -> str:
    """HS256 with a public key for its secret: what a careless verifier takes for proof."""
    import hashlib
    import hmac

    token = unsigned({"alg": "HS256", "typ": "JWT", "kid": kid}, GOOD)
    signed = token.rpartition(".")[0]
    signature = hmac.digest(key, signed.encode(), hashlib.sha256)
    return f"{signed}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"


def changed(token: str, **claims: object) -> str:
    """The token with other claims below the same signature."""
    header, body, signature = token.split(".")
    whole = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    text = json.dumps({**whole, **claims}).encode()
    return f"{header}.{base64.urlsafe_b64encode(text).rstrip(b'=').decode()}.{signature}"


GOOD = claims_of("acme", READ)
FORGED = {
    "expired": sign(claims_of("acme", READ, exp=LONG_AGO)),
    "not valid yet": sign(claims_of("acme", READ, nbf=3_999_999_999)),
    "of another issuer": sign(claims_of("acme", READ, iss="https://issuer.example.evil")),
    "for another audience": sign(claims_of("acme", READ, aud="somebody else")),
    "for no audience": sign(claims_of("acme", READ, aud=None)),
    "without an issuer": sign(claims_of("acme", READ, iss=None)),
    "without an end": sign(claims_of("acme", READ, exp=None)),
    "without a subject": sign(claims_of("acme", READ, sub=None)),
    "whose end is no time": sign(claims_of("acme", READ, exp="tomorrow")),
    "whose scope is a list": sign({**claims_of("acme", READ), "scope": [READ]}),
    "whose organization is a number": sign(claims_of("acme", READ, org_id=7)),
    "whose organization is a list": sign(claims_of("acme", READ, org_id=["acme"])),
    "of an unknown key": sign(GOOD, headers={"kid": "unknown"}),
    "of no key": sign(GOOD, headers={"kid": None}),
    "of another key with a known id": sign(GOOD, key=OTHER_EC_KEY),
    "of another RSA key with a known id": sign(GOOD, key=OTHER_RSA_KEY, algorithm="RS256"),
    "signed with RSA under the other key's id": sign(
        GOOD, key=RSA_KEY, algorithm="RS256", headers={"kid": "ec"}
    ),
    "signed with the other key under RSA's id": sign(GOOD, headers={"kid": "rsa"}),
    "of an algorithm that is not allowed": sign(GOOD, key=RSA_KEY, algorithm="RS512"),
    "of the algorithm none": unsigned({"alg": "none", "kid": "ec"}, GOOD),
    "of the algorithm NONE with a signature": unsigned({"alg": "NONE", "kid": "ec"}, GOOD, b"x"),
    "of a public key for a secret": hmac_signed(pem(EC_KEY), "ec"),
    "of an RSA public key for a secret": hmac_signed(pem(RSA_KEY), "rsa"),
    "without its signature": sign(GOOD).rpartition(".")[0] + ".",
    "with another organization below its signature": changed(sign(GOOD), org_id="other"),
    "with more scopes below its signature": changed(sign(GOOD), scope="operator"),
    "whose header is no object": unsigned([], GOOD),  # type: ignore[arg-type]
    "whose claims are no object": unsigned({"alg": "ES256", "kid": "ec"}, []),  # type: ignore[arg-type]
    "that is none": "not.a.token",
    "that is empty": "",
    "of strange letters": "äöü.äöü.äöü",
    "that is endless": "a" * 7000,
    "that brings its own key": sign(
        GOOD, key=OTHER_EC_KEY, headers={"jwk": {"kty": "EC"}, "jku": "http://127.0.0.1:9/"}
    ),
}


def test_a_good_token_is_let_in(api: Api) -> None:
    assert api.call("GET", "acme/credits", token=sign(GOOD)).status == 200
    by_rsa = sign(GOOD, key=RSA_KEY, algorithm="RS256")
    assert api.call("GET", "acme/credits", token=by_rsa).status == 200
    several = sign(claims_of("acme", READ, aud=["somebody", "gateway-credits"]))
    assert api.call("GET", "acme/credits", token=several).status == 200


@pytest.mark.parametrize("name", FORGED)
def test_a_token_that_proves_nothing_is_refused(api: Api, name: str) -> None:
    answer = api.call("GET", "acme/credits", token=FORGED[name])
    assert (answer.status, answer.code) == (401, "unauthenticated")
    assert answer.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize("header", ["", "Basic YWRhOmFkYQ==", "Bearer", "Bearer ", "Token x"])
def test_anything_but_a_bearer_token_is_refused(api: Api, header: str) -> None:
    answer = api.call("GET", "acme/credits", headers={"Authorization": header})
    assert (answer.status, answer.code) == (401, "unauthenticated")


def test_the_scheme_is_read_in_any_case(api: Api) -> None:
    answer = api.call("GET", "acme/credits", headers={"Authorization": f"bearer {sign(GOOD)}"})
    assert answer.status == 200


OPEN = {"/healthz", "/openapi.json", "/webhooks/stripe", "/", "/static/{version}/{name}"}
GUARDED = [
    (method, path)
    for path, methods in sorted(app.routes.items())
    for method in methods
    # Preflights come without a token, and tell nothing: tests/functional/test_cross_origin.py.
    if path not in OPEN and method != "OPTIONS"
]


def filled(path: str, organization_id: str = "acme") -> str:
    """A route with something in the place of each parameter."""
    filled_in = path.replace("{organization_id}", organization_id)
    while "{" in filled_in:
        filled_in = (
            filled_in[: filled_in.index("{")] + "x_1" + filled_in[filled_in.index("}") + 1 :]
        )
    return f"/{filled_in}"


@pytest.mark.parametrize(("method", "path"), GUARDED)
def test_every_route_that_is_not_open_needs_a_token(api: Api, method: str, path: str) -> None:
    answer = api.call(method, filled(path), key="k", body={})
    assert (answer.status, answer.code) == (401, "unauthenticated")


@pytest.mark.parametrize(("method", "path"), GUARDED)
def test_every_route_that_is_not_open_needs_a_scope(api: Api, method: str, path: str) -> None:
    for scope in ("", "credits", "credits:reads", "credits:read,credits:write", "Operator", "*"):
        answer = api.call(method, filled(path), token=api.token(scope=scope), key="k", body={})
        assert (answer.status, answer.code) == (403, "forbidden"), scope


@pytest.mark.parametrize(
    ("method", "path"), [route for route in GUARDED if "{organization_id}" in route[1]]
)
def test_what_belongs_to_another_organization_does_not_exist(
    api: Api, method: str, path: str
) -> None:
    token = api.token("acme", "credits:read credits:write")
    answer = api.call(method, filled(path, "other"), token=token, key="k", body={})
    assert (answer.status, answer.code) in {(404, "not_found"), (403, "forbidden")}
    assert b"other" not in answer.body
    nowhere = api.call(method, filled(path, "never-heard-of"), token=token, key="k", body={})
    assert answer == nowhere, "nothing is learnt from the answer"


SCOPES = ("credits:read", "credits:write", "gateway", "operator")
REACH = {
    ("GET", "credits"): {"credits:read", "operator"},
    ("GET", "ledger"): {"credits:read", "operator"},
    ("GET", "transactions"): {"credits:read", "operator"},
    ("GET", "payment-methods"): {"credits:read", "operator"},
    ("GET", "billing-details"): {"credits:read", "operator"},
    ("GET", "auto-top-up"): {"credits:read", "operator"},
    ("POST", "purchases"): {"credits:write", "operator"},
    ("POST", "payment-methods/setup"): {"credits:write", "operator"},
    ("PUT", "billing-details"): {"credits:write", "operator"},
    ("PUT", "auto-top-up"): {"credits:write", "operator"},
    ("GET", "access"): {"gateway"},
    ("POST", "deductions"): {"gateway"},
    ("POST", "holds"): {"gateway"},
    ("POST", "adjustments"): {"operator"},
    ("POST", "purchases/pur_1/refunds"): {"operator"},
    ("PUT", "suspension"): {"operator"},
    ("PUT", "closure"): {"operator"},
}


@pytest.mark.parametrize(("method", "route"), REACH)
def test_each_scope_reaches_what_the_contract_says_and_no_more(
    api: Api, method: str, route: str
) -> None:
    reached = {
        scope
        for scope in SCOPES
        if api.call(method, f"acme/{route}", scope=scope, key="k", body={}).status != 403
    }
    assert reached == REACH[method, route]


@pytest.mark.parametrize("scope", ["gateway", "operator"])
def test_gateways_and_operators_reach_every_organization(api: Api, scope: str) -> None:
    route = "access" if scope == "gateway" else "credits"
    for token in (api.token("theirs", scope), api.token("x", scope, org_id=None)):
        assert api.call("GET", f"acme/{route}", token=token).status == 200


def test_a_token_of_no_organization_reaches_none_with_a_customers_scope(api: Api) -> None:
    token = api.token("x", "credits:read credits:write", org_id=None)
    assert api.call("GET", "acme/credits", token=token).code == "not_found"


@pytest.mark.parametrize(
    "organization_id", ["a" * 65, "a%2Fb", "a.b", "ä", "a b", "a%00", "..", "%2e%2e", "a~"]
)
def test_what_is_no_organization_id_does_not_exist(api: Api, organization_id: str) -> None:
    token = api.token(organization_id, "operator")
    answer = api.call("GET", f"//v1/organizations/{organization_id}/credits", token=token)
    assert (answer.status, answer.code) == (404, "not_found")


def test_the_longest_organization_id_is_served(api: Api) -> None:
    longest = "aZ09_-" * 10 + "abcd"
    assert api.call("GET", f"{longest}/credits", scope=READ).status == 200


def test_an_issuer_that_is_down_is_not_the_callers_fault(emulator: Emulator) -> None:
    with running_api(emulator, JWT_JWKS_URL="http://127.0.0.1:9/jwks.json") as api:
        answer = api.call("GET", "acme/credits", scope=READ)
        assert (answer.status, answer.code) == (503, "busy")
        assert int(answer.headers["Retry-After"]) >= 1

"""Tokens that nearly prove something: headers that name keys, claims that aren't times, floods.

The wrong issuer, audience, algorithm, key and the like are in tests/functional/test_auth.py.
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator
from typing import Any

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.adapters.jwt_tokens import TokenError
from devstack.emulator import Emulator
from tests.functional.api import EC_KEY, RSA_KEY, Api, claims_of, running_api, sign
from tests.security.issuer import KeyServer, Verifier, new_key, serving_keys, token

READ = "credits:read"


@pytest.fixture(scope="module")
def keys() -> Iterator[KeyServer]:
    with serving_keys() as serving:
        yield serving


@pytest.fixture(scope="module")
def verifier(keys: KeyServer) -> Verifier:
    return Verifier(keys)


@pytest.fixture(scope="module")
def api(emulator: Emulator) -> Iterator[Api]:
    with running_api(emulator) as running:
        yield running


def encoded(part: bytes) -> str:
    return base64.urlsafe_b64encode(part).rstrip(b"=").decode()


def signed_raw(header: str, payload: str) -> str:
    """A good signature over a header and claims that no library would write so."""
    signed = f"{encoded(header.encode())}.{encoded(payload.encode())}"
    signature = jwt.algorithms.ECAlgorithm(jwt.algorithms.ECAlgorithm.SHA256).sign(
        signed.encode(), EC_KEY
    )
    return f"{signed}.{encoded(signature)}"


GOOD = json.dumps(claims_of("acme", READ))
HEADER = '{"alg": "ES256", "kid": "ec"}'


def test_a_signature_over_plain_json_is_accepted(verifier: Verifier) -> None:
    assert verifier.subject(signed_raw(HEADER, GOOD)) == "ada"


@pytest.mark.parametrize("header", ["jku", "x5u", "jwk", "x5c"])
def test_a_token_can_not_name_the_key_that_proves_it(
    keys: KeyServer, verifier: Verifier, header: str
) -> None:
    theirs, published = new_key("theirs")
    values: dict[str, object] = {
        "jku": keys.elsewhere,
        "x5u": keys.elsewhere,
        "jwk": published,
        "x5c": ["AAAA"],
    }
    for kid in ("ec", "theirs"):
        forged = sign(
            claims_of("acme", READ), key=theirs, headers={"kid": kid, header: values[header]}
        )
        with pytest.raises(TokenError):
            verifier.subject(forged)
    honest = sign(claims_of("acme", READ), headers={header: values[header]})
    assert verifier.subject(honest) == "ada", "it is ignored"
    assert keys.asked_elsewhere == []


@pytest.mark.parametrize(
    "kid",
    ["../../../etc/passwd", "/dev/null", "ec\x00", "ec\n", " ec", "EC", "e" * 7000, "' OR 1=1 --",
     "http://127.0.0.1/k", ""],
)  # fmt: skip
def test_a_key_id_is_compared_and_nothing_else(verifier: Verifier, kid: str) -> None:
    with pytest.raises(TokenError):
        verifier.subject(token(kid))


@pytest.mark.parametrize("kid", [1, True, ["ec"], {"ec": 1}, None])
def test_a_key_id_is_text(verifier: Verifier, kid: object) -> None:
    with pytest.raises(TokenError):
        verifier.subject(signed_raw(json.dumps({"alg": "ES256", "kid": kid}), GOOD))


@pytest.mark.parametrize(
    "header",
    [
        '{"alg": ["ES256"], "kid": "ec"}',
        '{"alg": {"ES256": 1}, "kid": "ec"}',
        '{"alg": 256, "kid": "ec"}',
        '{"alg": null, "kid": "ec"}',
        '{"kid": "ec"}',
        '{"alg": "es256", "kid": "ec"}',
        '{"alg": "ES256", "alg": "none", "kid": "ec"}',
        '{"alg": "ES256", "kid": "ec", "crit": ["exp"], "exp": 1}',
        '{"alg": "ES256", "kid": "ec", "crit": []}',
        '{"alg": "ES256", "kid": "ec", "b64": false}',
        "[" * 100_000,
        '{"a":' * 100_000,
        f'{{"alg": "ES256", "kid": {"9" * 10_000}}}',
        "",
        "null",
        '"ES256"',
    ],
    ids=lambda header: header[:40],
)
def test_a_strange_header_is_refused(verifier: Verifier, header: str) -> None:
    with pytest.raises(TokenError):
        verifier.subject(signed_raw(header, GOOD))


FAR = 4_000_000_000


@pytest.mark.parametrize(
    "claim",
    [
        '"exp": true',
        '"exp": false',
        '"exp": "soon"',
        '"exp": [4000000000]',
        '"exp": {}',
        '"exp": null',
        '"exp": NaN',
        '"exp": Infinity',
        '"exp": 1e400',
        '"exp": -4000000000',
        '"exp": 1000000000.9',
        f'"exp": {"9" * 5000}',
        f'"iat": {FAR}',
        '"iat": "later"',
        '"iat": Infinity',
        f'"nbf": {FAR}',
        f'"nbf": "{FAR}"',
        '"nbf": [1]',
        '"sub": ""',
        '"sub": null',
        '"sub": ["ada"]',
        '"sub": 7',
        '"aud": []',
        '"aud": {"gateway-credits": 1}',
        '"aud": [["gateway-credits"]]',
        '"aud": "gateway-credits "',
        '"iss": ["https://issuer.example"]',
        '"iss": "https://issuer.example/"',
    ],
    ids=lambda claim: claim[:40],
)
def test_claims_that_are_no_times_or_no_names_are_refused(api: Api, claim: str) -> None:
    """The last of two equal claims counts, whatever stands before it."""
    spoiled = signed_raw(HEADER, GOOD[:-1] + f", {claim}}}")
    answer = api.call("GET", "acme/credits", token=spoiled)
    assert (answer.status, answer.code) == (401, "unauthenticated")


def test_of_two_equal_claims_no_part_of_the_program_sees_the_other(api: Api) -> None:
    twice = signed_raw(HEADER, '{"org_id": "other", "scope": "operator", ' + GOOD[1:])
    assert api.call("GET", "acme/credits", token=twice).status == 200
    assert api.call("GET", "other/credits", token=twice).code == "not_found"
    adjustment = {"amount": "1.00", "reason": "x"}
    refused = api.call("POST", "acme/adjustments", body=adjustment, token=twice, key="k")
    assert refused.code == "forbidden"


@pytest.mark.parametrize("payload", ["[" * 100_000, '{"a":' * 100_000, "null", "[]", "7", ""])
def test_claims_that_are_no_object_are_refused(verifier: Verifier, payload: str) -> None:
    with pytest.raises(TokenError):
        verifier.subject(signed_raw(HEADER, payload))


@pytest.mark.parametrize("algorithm", ["RS384", "RS512", "PS256", "ES512", "HS256", "EdDSA"])
def test_only_rs256_and_es256_count(verifier: Verifier, algorithm: str) -> None:
    key: Any = RSA_KEY
    if algorithm == "HS256":
        key = "k" * 64
    if algorithm in {"ES512", "EdDSA"}:
        forged = signed_raw(f'{{"alg": "{algorithm}", "kid": "ec"}}', GOOD)
    else:
        forged = jwt.encode(
            claims_of("acme", READ), key, algorithm=algorithm, headers={"kid": "rsa"}
        )
    with pytest.raises(TokenError):
        verifier.subject(forged)


def test_an_expired_token_is_refused_after_half_a_minute_of_grace(verifier: Verifier) -> None:
    now = int(time.time())
    assert verifier.subject(token(exp=now - 10)) == "ada", "clocks may differ"
    with pytest.raises(TokenError):
        verifier.subject(token(exp=now - 40))


def test_a_token_of_a_megabyte_is_refused_and_not_repeated(api: Api) -> None:
    answer = api.call("GET", "acme/credits", token="a." * 500_000)
    assert (answer.status, answer.code) == (401, "unauthenticated")
    assert len(answer.body) < 300


@given(st.text(max_size=300))
def test_no_text_is_a_token(verifier: Verifier, text: str) -> None:
    with pytest.raises(TokenError):
        verifier.subject(text)


@given(st.binary(max_size=60), st.binary(max_size=200), st.binary(max_size=80))
def test_no_three_parts_are_a_token(
    verifier: Verifier, header: bytes, payload: bytes, signature: bytes
) -> None:
    with pytest.raises(TokenError):
        verifier.subject(f"{encoded(header)}.{encoded(payload)}.{encoded(signature)}")

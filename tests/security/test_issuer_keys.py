"""The issuer's keys: rotated, withdrawn, flooded with unknown ids, down, or answering nonsense."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import jwt
import pytest

from chalicelib.adapters.jwt_tokens import TokenError
from chalicelib.domain.errors import BusyError
from tests.functional.api import claims_of, key_set
from tests.security.issuer import KeyServer, Verifier, new_key, serving_keys, token

HOUR = 3600


@pytest.fixture
def keys() -> Iterator[KeyServer]:
    with serving_keys() as serving:
        yield serving


@pytest.fixture
def verifier(keys: KeyServer) -> Verifier:
    return Verifier(keys)


def test_a_new_key_is_asked_for_once_and_accepted(keys: KeyServer, verifier: Verifier) -> None:
    assert verifier.subject(token()) == "ada"
    new, published = new_key("new")
    keys.publish(*key_set()["keys"], published)
    for _ in range(20):
        assert verifier.subject(token("new", new)) == "ada"
        assert verifier.subject(token()) == "ada"
    assert keys.asked == 2


def test_a_withdrawn_key_is_not_accepted_for_longer_than_an_hour(
    keys: KeyServer, verifier: Verifier
) -> None:
    assert verifier.subject(token()) == "ada"
    new, published = new_key("new")
    keys.publish(published)
    verifier.seconds += HOUR
    with pytest.raises(TokenError):
        verifier.subject(token())
    assert verifier.subject(token("new", new)) == "ada"


def test_a_storm_of_unknown_keys_asks_the_issuer_once_in_thirty_seconds(
    keys: KeyServer, verifier: Verifier
) -> None:
    refused = 0
    for number in range(1000):
        verifier.seconds += 0.1
        with pytest.raises(TokenError):
            verifier.subject(token(uuid.uuid4().hex))
        refused += 1
        if number % 50 == 0:
            assert verifier.subject(token()) == "ada", "who is known isn't kept waiting"
    assert refused == 1000
    assert keys.asked <= 1 + 100 // 30 + 1


def test_a_storm_from_many_threads_asks_no_more(keys: KeyServer, verifier: Verifier) -> None:
    def forge(_: int) -> bool:
        try:
            verifier.subject(token(uuid.uuid4().hex))
        except TokenError:
            return False
        return True

    with ThreadPoolExecutor(16) as pool:
        assert not any(pool.map(forge, range(200)))
    assert keys.asked == 2


def test_a_key_that_appears_during_a_storm_is_accepted_within_thirty_seconds(
    keys: KeyServer, verifier: Verifier
) -> None:
    assert verifier.subject(token()) == "ada"
    with pytest.raises(TokenError):
        verifier.subject(token("unknown"))
    new, published = new_key("new")
    keys.publish(*key_set()["keys"], published)
    with pytest.raises(TokenError):
        verifier.subject(token("new", new))
    verifier.seconds += 30
    assert verifier.subject(token("new", new)) == "ada"


BROKEN = {
    "an error": (500, b"sorry"),
    "an error page with the status of success": (200, b"<html>sorry</html>"),
    "a list": (200, b"[]"),
    "no keys": (200, b'{"keys": []}'),
    "keys that are none": (200, b'{"keys": [{"kty": "EC", "kid": "ec"}]}'),
    "a set that was cut off": (200, json.dumps(key_set()).encode()[:-9]),
    "no UTF-8": (200, b"\xff\xfe"),
    "a depth that nobody can follow": (200, b"[" * 100_000),
}


@pytest.mark.parametrize("answer", BROKEN)
def test_while_the_issuer_is_broken_its_known_keys_go_on_for_six_hours(
    keys: KeyServer, verifier: Verifier, answer: str
) -> None:
    assert verifier.subject(token()) == "ada"
    keys.answer = BROKEN[answer]
    for _ in range(5):
        verifier.seconds += HOUR
        assert verifier.subject(token()) == "ada"
        with pytest.raises(TokenError):
            verifier.subject(token("unknown"))
    verifier.seconds += HOUR
    with pytest.raises(BusyError):
        verifier.subject(token())
    keys.answer = (200, json.dumps(key_set()).encode())
    verifier.seconds += 30
    assert verifier.subject(token()) == "ada"


def test_an_issuer_that_is_down_is_not_asked_for_every_token(
    keys: KeyServer, verifier: Verifier
) -> None:
    assert verifier.subject(token()) == "ada"
    keys.answer = BROKEN["an error"]
    verifier.seconds += HOUR
    for _ in range(100):
        assert verifier.subject(token()) == "ada"
    assert keys.asked == 2


@pytest.mark.parametrize("answer", BROKEN)
def test_an_issuer_that_never_answered_is_not_the_callers_fault(
    keys: KeyServer, verifier: Verifier, answer: str
) -> None:
    keys.answer = BROKEN[answer]
    with pytest.raises(BusyError):
        verifier.subject(token())


def test_a_redirect_of_the_key_set_is_not_followed(keys: KeyServer, verifier: Verifier) -> None:
    keys.redirect = keys.elsewhere
    with pytest.raises(BusyError):
        verifier.subject(token())
    assert keys.asked_elsewhere == []


def test_a_shared_secret_in_the_key_set_is_never_a_key(keys: KeyServer, verifier: Verifier) -> None:
    secret = {"kty": "oct", "kid": "shared", "k": "c2VjcmV0", "alg": "HS256"}
    keys.publish(*key_set()["keys"], secret)
    forged = jwt.encode(
        claims_of("acme", "credits:read"),
        "secret" * 6,
        algorithm="HS256",
        headers={"kid": "shared"},
    )
    with pytest.raises(TokenError):
        verifier.subject(forged)
    assert verifier.subject(token()) == "ada"


def test_a_key_for_encryption_signs_nothing(keys: KeyServer, verifier: Verifier) -> None:
    private, published = new_key("enc")
    keys.publish(*key_set()["keys"], {**published, "use": "enc"})
    with pytest.raises(TokenError):
        verifier.subject(token("enc", private))

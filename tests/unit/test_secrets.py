"""A secret that is replaced is used without a deployment, and never asked for all the time."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

import pytest
from botocore.exceptions import ClientError

from chalicelib.adapters.secrets import (
    MAX_AGE_SECONDS,
    RENEWAL_PAUSE_SECONDS,
    FixedSecret,
    SecretUnavailableError,
    StoredSecret,
    listed,
)
from chalicelib.domain.errors import BusyError


@dataclass
class Manager:
    """Secrets Manager, as far as it is used; an empty text is an outage."""

    text: str
    reads: list[str] = field(default_factory=list)

    def get_secret_value(self, *, SecretId: str) -> dict[str, str]:  # noqa: N803 - boto3's name
        self.reads.append(SecretId)
        if not self.text:
            raise ClientError({"Error": {"Code": "InternalServiceError"}}, "GetSecretValue")
        return {"SecretString": self.text, "ARN": "arn"}


@dataclass
class Clock:
    seconds: float = 1000.0

    def __call__(self) -> float:
        return self.seconds


def stored(manager: Manager, clock: Clock) -> StoredSecret:
    return StoredSecret(manager, secret_id="credits/stripe", clock=clock)


def holding(**fields: object) -> Manager:
    return Manager(text=json.dumps(fields))


def test_it_is_read_when_it_is_first_needed_and_then_kept() -> None:
    manager, clock = holding(api_key="first"), Clock()
    secret = stored(manager, clock)
    assert manager.reads == []
    clock.seconds += MAX_AGE_SECONDS / 2
    assert [secret.field("api_key") for _ in range(3)] == ["first"] * 3
    assert manager.reads == ["credits/stripe"]


def test_what_was_replaced_is_seen_after_minutes() -> None:
    manager, clock = holding(api_key="first"), Clock()
    secret = stored(manager, clock)
    secret.field("api_key")
    manager.text = json.dumps({"api_key": "second"})
    clock.seconds += MAX_AGE_SECONDS - 1
    assert secret.field("api_key") == "first"
    clock.seconds += 1
    assert secret.field("api_key") == "second"


def test_what_was_refused_is_read_anew_at_once_but_not_all_the_time() -> None:
    manager, clock = holding(api_key="first"), Clock()
    secret = stored(manager, clock)
    secret.field("api_key")
    clock.seconds += RENEWAL_PAUSE_SECONDS
    manager.text = json.dumps({"api_key": "second"})
    assert secret.renew()
    assert secret.field("api_key") == "second"
    for _ in range(100):
        assert not secret.renew(), "a flood of forgeries must not become one of reads"
    assert len(manager.reads) == 2
    clock.seconds += RENEWAL_PAUSE_SECONDS
    assert not secret.renew(), "nothing has changed, so another try is in vain"
    assert len(manager.reads) == 3


def test_it_is_used_as_it_was_while_nobody_tells_what_it_is() -> None:
    manager, clock = holding(api_key="first"), Clock()
    secret = stored(manager, clock)
    secret.field("api_key")
    manager.text = ""
    clock.seconds += MAX_AGE_SECONDS
    assert [secret.field("api_key") for _ in range(3)] == ["first"] * 3
    assert len(manager.reads) == 2


@pytest.mark.parametrize("text", ["", "{", "[]", '"text"', '{"api_key": 1}', '{"other": "x"}'])
def test_what_can_not_be_used_is_refused_and_not_told(text: str) -> None:
    secret = stored(Manager(text=text), Clock())
    with pytest.raises(SecretUnavailableError) as caught:
        secret.field("api_key")
    assert "credits/stripe" in caught.value.reason
    assert text not in caught.value.reason or not text


def test_callers_may_try_again_and_are_not_told_which_secret_it_was() -> None:
    secret = stored(Manager(text=""), Clock())
    with pytest.raises(BusyError) as caught:
        secret.field("api_key")
    assert "credits" not in caught.value.detail


def test_it_is_asked_for_again_when_it_could_not_be_read_at_first() -> None:
    manager = Manager(text="")
    secret = stored(manager, Clock())
    with pytest.raises(SecretUnavailableError):
        secret.field("api_key")
    manager.text = json.dumps({"api_key": "first"})
    assert secret.field("api_key") == "first"


def test_what_the_environment_says_never_changes() -> None:
    secret = FixedSecret({"api_key": lambda: "given"})
    assert secret.field("api_key") == "given"
    assert not secret.renew()


def test_two_values_serve_while_one_replaces_the_other() -> None:
    assert listed("whsec_old, whsec_new,") == ("whsec_old", "whsec_new")

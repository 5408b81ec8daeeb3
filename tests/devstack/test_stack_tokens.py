"""`make token` prints what the stack accepts, signed by a key that stays in the checkout."""

from __future__ import annotations

import json
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import jwt
import pytest

from devstack import token
from devstack.tokens import AUDIENCE, Issuer, signing_key


def test_the_key_is_made_once_and_readable_by_its_owner_alone(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        keys = list(pool.map(lambda _: signing_key(tmp_path).public_key(), range(8)))
    assert all(key == keys[0] for key in keys)
    (file,) = tmp_path.iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_token_has_the_claims_of_the_contract(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "stack.json").write_text(json.dumps({"url": "http://127.0.0.1:1"}))
    arguments = ["--org", "acme", "--scope", "gateway operator", "--sub", "me", "--ttl", "60"]
    assert token.main([*arguments, "--home", str(tmp_path)]) == 0
    key = signing_key(tmp_path)
    claims = jwt.decode(
        capsys.readouterr().out.strip(), key.public_key(), algorithms=["ES256"], audience=AUDIENCE
    )
    assert claims["iss"] == Issuer(stack_url="http://127.0.0.1:1", key=key).url
    assert (claims["org_id"], claims["scope"], claims["sub"]) == ("acme", "gateway operator", "me")
    assert claims["exp"] - claims["iat"] == 60


def test_without_a_stack_there_is_no_token(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert token.main(["--home", str(tmp_path)]) == 1
    said = capsys.readouterr()
    assert (said.out, "make run" in said.err) == ("", True)


def test_an_unknown_scope_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        token.main(["--scope", "credits:all", "--home", str(tmp_path)])
    assert "credits:all" in capsys.readouterr().err

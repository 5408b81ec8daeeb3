"""`make demo` passes on a fresh stack, again and again, and fails loudly."""

from __future__ import annotations

import json

import pytest

from devstack import demo
from devstack.stack import Stack


@pytest.fixture
def described(stack: Stack) -> Stack:
    """A running stack of the real application, described as `make run` does."""
    (stack.home / "stack.json").write_text(json.dumps(stack.description()))
    return stack


def test_the_demo_passes_twice_on_one_stack(
    described: Stack, capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in range(2):
        assert demo.main(["--home", str(described.home)]) == 0, capsys.readouterr().err
        assert "Everything is as promised." in capsys.readouterr().out
    invoices = list(described.home.glob("invoice-*.pdf"))
    assert len(invoices) == 2
    assert all(invoice.read_bytes().startswith(b"%PDF-") for invoice in invoices)


def test_the_demo_fails_when_no_worker_runs(
    described: Stack, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("devstack.walk.PATIENCE_SECONDS", 2.0)
    described.kill("worker-1")
    assert demo.main(["--home", str(described.home)]) == 1
    assert "The demo failed: the usage and the top-up" in capsys.readouterr().err
    described.restart("worker-1")

"""Parts of the object graph are built once, whichever threads ask first."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest

from chalicelib.adapters.dynamodb.models import MODELS, connect
from chalicelib.config import TABLE_VARIABLES
from chalicelib.wiring.built_once import built_once
from devstack.settings import CHECKOUT
from simulation.cloud import MemoryCloud
from tests.support.stack import NOBODY

NOW = datetime(2026, 11, 24, tzinfo=UTC)
_THREADS = 8

#: Every thread asks a fresh process for another part, at the same moment.
_FIRST_USE = """
import json, os, sys, threading

os.environ.update(json.loads(sys.argv[1]))
sys.setswitchinterval(1e-5)
from chalicelib.wiring import services

parts = ("ledger", "customers", "_accounts", "_usage_days", "_purchase_days", "_holds")
ready = threading.Barrier(len(parts))

def ask(part):
    ready.wait()
    asked.append(services())
    getattr(asked[-1], part)

asked = []
threads = [threading.Thread(target=ask, args=(part,)) for part in parts]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
from chalicelib.adapters.dynamodb.models import MODELS
tables = {name: model.Meta.table_name for name, model in MODELS.items()}
print(json.dumps({"graphs": len(set(map(id, asked))), "asked": len(asked), "tables": tables}))
"""


def test_threads_that_ask_at_once_share_one_part() -> None:
    together = threading.Barrier(2)
    built: list[object] = []

    class Whole:
        @built_once
        def part(self) -> object:
            try:
                together.wait(0.2)  # a second thread in here would come to this, too
            except threading.BrokenBarrierError:
                built.append(object())
            else:
                built.append("not alone")
            return built[-1]

    whole = Whole()
    with ThreadPoolExecutor(_THREADS) as threads:
        given = list(threads.map(lambda _: whole.part, range(_THREADS)))
    assert len(built) == 1
    assert all(part is built[0] for part in given)
    assert built[0] != "not alone"


def test_every_model_has_its_table_whichever_request_comes_first() -> None:
    environment = {**MemoryCloud(now=lambda: NOW).environment, **NOBODY}
    done = subprocess.run(
        [sys.executable, "-c", _FIRST_USE, json.dumps(environment)],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    said = json.loads(done.stdout)
    assert said["graphs"] == 1
    assert said["asked"] == 6
    assert said["tables"] == {
        aggregate: environment[variable] for aggregate, variable in TABLE_VARIABLES.items()
    }


def test_a_table_without_a_model_is_no_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(MODELS, "purchase_days")
    with pytest.raises(KeyError, match="purchase_days"):
        connect({"purchase_days": "a-table"}, region="us-east-1")


def test_a_model_without_a_table_is_no_connection() -> None:
    with pytest.raises(KeyError):
        connect({}, region="us-east-1")

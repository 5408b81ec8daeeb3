"""What a cold start takes: each entry point in a process of its own, compared with boto3 alone.

A Lambda function imports `app` before its first event, and what it uses at that event. Both are
done here without the event: importing, and building the use cases that the function calls. It
needs Linux, which tells how much memory a process had at most.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from devstack.settings import CHECKOUT
from tests.support.stack import NOBODY

_PROBE = """
import json, re, time
from pathlib import Path
start = time.process_time()
{setup}
imported = time.process_time()
{first_use}
used = time.process_time()
# Not getrusage's ru_maxrss, which begins with what the parent had when it forked.
memory_kb = int(re.search("VmHWM:\\s+([0-9]+) kB", Path("/proc/self/status").read_text())[1])
print(json.dumps([imported - start, used - start, memory_kb / 1024]))
"""
_BASELINE = ("import boto3", 'boto3.client("dynamodb", region_name="us-east-1")')

#: What each function builds for its first event, beyond importing the application.
_PRICE = "s._catalogue.price(ModelUsage(provider='openai', model='gpt-4o', units={}), now())"
_FIRST_USES: Mapping[str, Sequence[str]] = {
    "api_handler (access)": ("s.ledger", "s._tokens"),
    "api_handler (deduct)": ("s.metering", "s.pricing", "s._tokens", _PRICE),
    "api_handler (buy)": ("s.purchasing", "s._tokens"),
    "usage_worker": ("s.metering", "s.pricing", "s.queue", _PRICE),
    "rollup_worker": ("s.rolling_up",),
    "notice_worker": ("s.noticing",),
    "top_up_worker": ("s.topping_up",),
    "payment_event_worker": ("s.receiving",),
    "invoice_worker": ("s.invoicing", "s._renderer._pdf", "s._renderer._html"),
    "reconcile": ("s.reconciling",),
    "sweep": ("s.sweeping",),
}
_BEFORE = (
    "from chalicelib.wiring import now, services\n"
    "from chalicelib.domain.usage import ModelUsage\n"
    "s = services()\n"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """Medians: CPU seconds until `app` was imported and until all was built, and memory at most."""

    name: str
    imported_seconds: float
    ready_seconds: float
    memory_mb: float


def measure(*, tries: int) -> tuple[Start, Sequence[Start]]:
    """Boto3 with a client, and each entry point; in turn, so that all meet the same machine."""
    probes = {"boto3 and a client": _BASELINE}
    for name, uses in _FIRST_USES.items():
        probes[name] = "import app", _BEFORE + "\n".join(uses)
    found: dict[str, list[tuple[float, float, float]]] = {name: [] for name in probes}
    for _ in range(tries + 1):  # the first fills the caches of files
        for name, (setup, first_use) in probes.items():
            found[name].append(_run(_PROBE.format(setup=setup, first_use=first_use)))
    starts = [
        Start(
            name=name,
            imported_seconds=median(each[0] for each in runs[1:]),
            ready_seconds=median(each[1] for each in runs[1:]),
            memory_mb=median(each[2] for each in runs[1:]),
        )
        for name, runs in found.items()
    ]
    return starts[0], starts[1:]


def _run(script: str) -> tuple[float, float, float]:
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=CHECKOUT,
        env=_environment(),
        check=True,
        capture_output=True,
        text=True,
    )
    imported, used, memory_mb = json.loads(done.stdout.splitlines()[-1])
    return imported, used, memory_mb


def _environment() -> dict[str, str]:
    """What a function finds on AWS, with names that lead nowhere."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    template = {name: f"bench-{name.lower()}" for name in _variables()}
    return {
        **kept,
        **template,
        **NOBODY,
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "nobody",
        "AWS_SECRET_ACCESS_KEY": "nobody",
        "AWS_EC2_METADATA_DISABLED": "true",
        "POWERTOOLS_METRICS_NAMESPACE": "Bench",
        "TRACES_PER_MONTH": "10000",
        "TRACES_PRICE_PER_THOUSAND": "0.50",
        "SELLER_FILE": "seller.json",
    }


def _variables() -> Sequence[str]:
    from devstack.aws import settings_of  # noqa: PLC0415 - boto3, which the probes measure alone

    return [
        name
        for name in settings_of(CHECKOUT).variables()
        if name.endswith(("_TABLE", "_URL", "_BUCKET", "_BUS"))
    ]

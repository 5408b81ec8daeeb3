"""A file of what histories came to, a line each, so that a long campaign can go on later.

A record belongs to one version of the code: another version tells other histories.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from simulation.run import History, Plan

_ROOT = Path(__file__).resolve().parents[1]
_TOLD = ("app.py", "chalicelib", "devstack", "simulation", "requirements-dev.txt", ".chalice")


class Record:
    """Histories that held all laws; what failed is run anew."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self, plans: Sequence[Plan]) -> Iterator[History]:
        """What the file knows of these plans, told by the same code."""
        if not self._path.exists():
            return
        wanted = {(plan.seed, plan.steps): plan for plan in plans}
        for line in self._path.read_text(encoding="utf-8").splitlines():
            kept = json.loads(line)
            plan = wanted.pop((kept["seed"], kept["planned"]), None)
            if plan is not None and kept["version"] == version():
                yield _history(plan, kept)

    def keep(self, history: History) -> None:
        """Add a history, if it held all laws."""
        if history.failed:
            return
        kept = {
            "version": version(),
            "seed": history.plan.seed,
            "planned": history.plan.steps,
            "steps": history.steps,
            "cpu_seconds": round(history.cpu_seconds, 3),
            "digest": history.digest,
            "begun": dict(history.begun),
            "outcomes": dict(history.outcomes),
            "counts": [[*pair, count] for pair, count in history.counts.items()],
            "calls": [[*call, count] for call, count in history.calls.items()],
        }
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(kept) + "\n")


@cache
def version() -> str:
    """Stands for all of the code that decides on how histories go."""
    digest = hashlib.sha256()
    for name in _TOLD:
        path = _ROOT / name
        for each in [path] if path.is_file() else sorted(path.rglob("*")):
            if each.is_file() and each.suffix in {".py", ".yaml", ".json", ".txt"}:
                digest.update(f"{each.relative_to(_ROOT)}\n".encode() + each.read_bytes())
    return digest.hexdigest()[:16]


def _history(plan: Plan, kept: dict[str, Any]) -> History:
    return History(
        plan=plan,
        steps=kept["steps"],
        cpu_seconds=kept["cpu_seconds"],
        digest=kept["digest"],
        begun=Counter(kept["begun"]),
        outcomes=Counter(kept["outcomes"]),
        counts=Counter({(flow, kind): count for flow, kind, count in kept["counts"]}),
        calls=Counter({(f, s, o, mortal): count for f, s, o, mortal, count in kept["calls"]}),
    )

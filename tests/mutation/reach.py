"""What each test takes, and which functions it reaches: recorded before mutants are tried."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """What a test took, in seconds of the processor, and the functions that it reached.

    `digest` stands for the module that the test was in: with another, it is recorded anew.
    """

    seconds: float
    functions: frozenset[str]
    digest: str


def load_reach(path: Path) -> dict[str, Reach]:
    """What was recorded, by test."""
    if not path.exists():
        return {}
    return {
        test: Reach(
            seconds=said["seconds"],
            functions=frozenset(said["functions"]),
            digest=said["digest"],
        )
        for test, said in json.loads(path.read_text()).items()
    }


def save_reach(path: Path, reach: Mapping[str, Reach]) -> None:
    """Record it."""
    said = {
        test: {
            "seconds": round(each.seconds, 4),
            "functions": sorted(each.functions),
            "digest": each.digest,
        }
        for test, each in reach.items()
    }
    path.write_text(json.dumps(said))

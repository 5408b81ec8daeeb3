"""Writes the contract that `GET /openapi.json` serves, from docs/openapi.yaml: `make openapi`."""

from __future__ import annotations

import json
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "docs" / "openapi.yaml"
SERVED = ROOT / "templates" / "openapi.json"


def served_text() -> str:
    """The contract as JSON text, as it should be served."""
    contract = yaml.safe_load(SOURCE.read_text(encoding="utf-8"))
    return json.dumps(contract, ensure_ascii=False, separators=(",", ":")) + "\n"


if __name__ == "__main__":
    SERVED.write_text(served_text(), encoding="utf-8")

"""`make token`: prints an access token that the running local stack accepts."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from devstack.crew import DESCRIPTION_FILE
from devstack.settings import CHECKOUT
from devstack.tokens import LIFE_SECONDS, SCOPES, Issuer, signing_key


def main(arguments: list[str] | None = None) -> int:
    """Print one token; 1 when no stack runs here."""
    parser = argparse.ArgumentParser(prog="python -m devstack.token", description=__doc__)
    parser.add_argument("--org", default="demo", help="the claim org_id")
    parser.add_argument("--scope", default="credits:read credits:write", help=" ".join(SCOPES))
    parser.add_argument("--sub", default="developer", help="the claim sub")
    parser.add_argument("--ttl", type=int, default=LIFE_SECONDS, help="life in seconds")
    parser.add_argument("--home", type=Path, default=CHECKOUT / ".local")
    given = parser.parse_args(arguments)
    unknown = set(given.scope.split()) - set(SCOPES)
    if unknown:
        parser.error(f"unknown scope {' '.join(sorted(unknown))}; there are {', '.join(SCOPES)}")
    description = given.home / DESCRIPTION_FILE
    if not description.exists():
        print("No local stack runs here: start one with `make run`.", file=sys.stderr)
        return 1
    url = json.loads(description.read_text())["url"]
    issuer = Issuer(stack_url=url, key=signing_key(given.home))
    print(
        issuer.token(
            organization_id=given.org,
            scope=given.scope,
            subject=given.sub,
            life_seconds=given.ttl,
        )
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())

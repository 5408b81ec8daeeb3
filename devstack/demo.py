"""`make demo`: one narrated walk over the real interfaces of the running local stack.

It buys, uses up, is topped up, reads history and invoice, and is refused at zero, each time with a
new organization. Whatever is not as the contract says ends it with what was expected.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from devstack.client import UnexpectedAnswerError
from devstack.crew import DESCRIPTION_FILE
from devstack.settings import CHECKOUT
from devstack.tokens import Issuer, signing_key
from devstack.walk import Walk, say


def main(arguments: list[str] | None = None) -> int:
    """Walk; 1 when no stack runs here, or when it does not keep a promise."""
    parser = argparse.ArgumentParser(prog="python -m devstack.demo", description=__doc__)
    parser.add_argument("--home", type=Path, default=CHECKOUT / ".local")
    home = parser.parse_args(arguments).home
    file = home / DESCRIPTION_FILE
    if not file.exists():
        print("No local stack runs here: start one with `make run`.", file=sys.stderr)
        return 1
    description = json.loads(file.read_text())
    issuer = Issuer(stack_url=description["url"], key=signing_key(home))
    walk = Walk(description=description, issuer=issuer, home=home)
    try:
        walk.run()
    except UnexpectedAnswerError as error:
        print(f"\nThe demo failed: {error}\nThe logs are in {home / 'logs'}.", file=sys.stderr)
        return 1
    say(f"\n{walk.table()}\n\nEverything is as promised.")
    return 0


if __name__ == "__main__":
    sys.exit(main())

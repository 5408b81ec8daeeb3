"""Makes days of an organization's usage anew from the ledger: `make rebuild-usage`.

For days whose writes the stream forgot, as the metric WritesMissing tells; the earliest first.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from datetime import date, timedelta

from chalicelib.config import SettingsError
from chalicelib.domain.errors import CreditsError
from chalicelib.domain.money import format_usd
from chalicelib.wiring import now, services


def main(arguments: Sequence[str] | None = None) -> int:
    """Rebuild the days; 1 if one couldn't be, 2 without an installation."""
    parser = argparse.ArgumentParser(prog="make rebuild-usage", description=__doc__)
    parser.add_argument("organization_id")
    parser.add_argument("first", type=date.fromisoformat, help="the first day, such as 2026-11-23")
    parser.add_argument("last", type=date.fromisoformat, nargs="?", help="the last, if not it")
    asked = parser.parse_args(arguments)
    if "USAGE_DAYS_TABLE" not in os.environ:
        print("Start the local stack, or set the variables of an installation.", file=sys.stderr)
        return 2
    try:
        day = asked.first
        while day <= (asked.last or asked.first):
            rebuilt = services().rebuilding.rebuild(asked.organization_id, day, now=now())
            spent, entries = format_usd(rebuilt.spent.amount_nanos), rebuilt.spent.entries
            print(f"{day}: {spent} USD were spent, in {entries} entries.")
            day += timedelta(days=1)
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 2
    except CreditsError as error:
        print(f"{day}: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

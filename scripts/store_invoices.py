"""Renders and stores the files of invoices that lack them: `make invoices`.

The sweep does the same by and by; this does it now, and says what it met.
"""

from __future__ import annotations

import os
import sys

from chalicelib.config import SettingsError
from chalicelib.wiring import now, services

_AT_ONCE = 100


def main() -> int:
    """Store what is missing; 1 if an invoice couldn't be, 2 without an installation."""
    if "INVOICES_TABLE" not in os.environ:
        print("Start the local stack, or set the variables of an installation.", file=sys.stderr)
        return 2
    try:
        stored, failed = _store_missing()
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 2
    print(f"{stored} stored, {failed} failed.")
    return 1 if failed else 0


def _store_missing() -> tuple[int, int]:
    stored, failures = 0, set[str]()
    while True:
        missing = [
            issued.invoice
            for issued in services().invoicing.missing(_AT_ONCE + len(failures))
            if issued.invoice.number not in failures
        ]
        if not missing:
            return stored, len(failures)
        for invoice in missing:
            try:
                services().invoicing.store(invoice.organization_id, invoice.number, now=now())
            except Exception as error:
                # Told, and left to the sweep; the others are stored all the same.
                print(f"{invoice.number} of {invoice.organization_id}: {error}", file=sys.stderr)
                failures.add(invoice.number)
            else:
                stored += 1
                print(f"{invoice.number} of {invoice.organization_id}")


if __name__ == "__main__":
    sys.exit(main())

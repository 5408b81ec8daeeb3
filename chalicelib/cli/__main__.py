"""`python -m chalicelib.cli`."""

from __future__ import annotations

import sys

from chalicelib.cli.main import main

if __name__ == "__main__":
    sys.exit(main())

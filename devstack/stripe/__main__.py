"""`python -m devstack.stripe`: the local Stripe as a process, until SIGTERM or Ctrl-C."""

from __future__ import annotations

import argparse
import signal
import sys
import threading

from devstack.stripe.server import DEFAULT_API_KEY, DEFAULT_WEBHOOK_SECRET, LocalStripe


def main(arguments: list[str] | None = None) -> int:
    """Run until told to stop; 1 when the port is taken."""
    parser = argparse.ArgumentParser(prog="python -m devstack.stripe", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0 takes any free port")
    parser.add_argument("--webhook-url", default=None, help="where events go")
    parser.add_argument("--webhook-secret", default=DEFAULT_WEBHOOK_SECRET)
    parser.add_argument("--api-key", default=DEFAULT_API_KEY)
    parser.add_argument("--seller-country", default="DE", help="for reverse charge")
    given = parser.parse_args(arguments)
    stopping = threading.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda _number, _frame: stopping.set())
    local = LocalStripe(
        port=given.port,
        webhook_url=given.webhook_url,
        webhook_secret=given.webhook_secret,
        api_key=given.api_key,
        seller_country=given.seller_country,
    )
    try:
        local.start()
    except OSError as error:
        print(f"local Stripe: can't listen on port {given.port}: {error.strerror}", file=sys.stderr)
        return 1
    print(f"local Stripe ready on {local.url}", flush=True)
    stopping.wait()
    local.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())

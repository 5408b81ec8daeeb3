"""`make example-gateway`: the example in front of the running local stack, until Ctrl-C."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from examples.gateway.events import EventFeed
from examples.gateway.local import LocalStack
from examples.gateway.prices import Prices
from examples.gateway.server import GatewayServer
from gateway import CreditsClient, HttpService, JournalFolder

DEFAULT_PORT = 8100
CHECKOUT = Path(__file__).resolve().parents[2]


@contextmanager
def running_gateway(stack: LocalStack, *, port: int) -> Iterator[GatewayServer]:
    """A gateway that serves while the context is open; port 0 is any that is free.

    It ends in the order that loses nothing: no new requests, then the running calls, then what
    they used is reported.
    """
    sqs = stack.cloud.client("sqs")
    with (
        closing(Prices(stack.url, token=stack.token)) as prices,
        CreditsClient(
            service=HttpService(stack.url, token=stack.token),
            queue=sqs,
            queue_url=stack.description["usage_queue_url"],
            journals=JournalFolder(stack.home / "example-gateway"),
            estimate=prices.at_most,
        ) as credits_client,
        stack.event_queue(sqs) as queue_url,
        EventFeed(sqs, queue_url, credits_client),
        GatewayServer(port, credits_client) as server,
    ):
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def main(arguments: list[str] | None = None) -> int:
    """Serve until told to stop; 1 when no stack runs here."""
    parser = argparse.ArgumentParser(prog="python -m examples.gateway", description=__doc__)
    parser.add_argument("--port", type=int, default=DEFAULT_PORT)
    parser.add_argument("--home", type=Path, default=CHECKOUT / ".local")
    given = parser.parse_args(arguments)
    stack = LocalStack.running(given.home)
    if stack is None:
        sys.stderr.write("No local stack runs here: start one with `make run`.\n")
        return 1
    stopping = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopping.set())
    with running_gateway(stack, port=given.port) as server:
        url = f"http://127.0.0.1:{server.server_port}"
        sys.stdout.write(
            f"The example gateway serves on {url}; try:\n"
            f"  curl -s {url}/v1/chat/completions -H 'X-Organization-Id: demo' \\\n"
            """    -d '{"model": "openai/gpt-4o", "messages": [{"content": "Hello there"}]}'\n"""
        )
        sys.stdout.flush()
        stopping.wait()
    return 0


if __name__ == "__main__":
    sys.exit(main())

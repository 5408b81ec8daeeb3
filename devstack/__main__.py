"""`make run`: the whole local stack in the foreground, until Ctrl-C or SIGTERM."""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import json
import os
import signal
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from devstack.aws import ResourceError
from devstack.client import Client, UnexpectedAnswerError
from devstack.crew import DESCRIPTION_FILE, ENVIRONMENT_FILE, LOCK_FILE
from devstack.parts import PartError
from devstack.seed import DEMO_ORGANIZATION, seed
from devstack.settings import CHECKOUT, DEFAULT_PORT, StackSettings, StripeAccount
from devstack.stack import Stack

WATCH_SECONDS = 0.5
HIGHEST_PORT = 65_535
SCOPE = "credits:read credits:write"
SCREEN = """
  Gateway Credits is running: AWS and Stripe are {stripe}.

  Address   {url}
  Logs      {logs}
  Token     of the organization demo, which has a saved test card; good for 12 hours:

TOKEN={token}

  Three commands to paste (the first one after the line above):

curl -s -H "Authorization: Bearer $TOKEN" {url}/v1/organizations/demo/credits
make token ORG=acme SCOPE="credits:read credits:write"
make demo

  Ctrl-C stops all of it.
"""


class StopRequest(BaseException):
    """Somebody asked the stack to stop."""


class RefusalError(Exception):
    """The stack can't be started as asked; the text says why."""


def settings_of(environment: Mapping[str, str], *, home: Path, root: Path) -> StackSettings:
    """Read PORT, WORKERS and Stripe's keys.

    Raises:
        RefusalError: one of them can't be.
    """
    key = environment.get("STRIPE_API_KEY", "")
    stripe = StripeAccount()
    if key:
        if not key.startswith(("sk_test_", "rk_test_")):
            raise RefusalError("STRIPE_API_KEY is no test key: this stack never moves real money.")
        publishable = environment.get("STRIPE_PUBLISHABLE_KEY", "")
        stripe = StripeAccount(api_key=key, publishable_key=publishable, is_local=False)
    port = _number(environment.get("PORT") or str(DEFAULT_PORT), "PORT", HIGHEST_PORT)
    workers = _number(environment.get("WORKERS") or "1", "WORKERS", 64)
    return StackSettings(root=root, home=home, port=port, workers=workers, stripe=stripe)


def _number(text: str, name: str, highest: int) -> int:
    if not text.isdecimal() or not 0 <= int(text) <= highest:
        raise RefusalError(f"{name} is {text!r}, which is no number up to {highest}.")
    return int(text)


@contextlib.contextmanager
def only_one(home: Path) -> Iterator[None]:
    """Hold the lock of `home` meanwhile; it ends with the process, however that ends.

    Raises:
        RefusalError: another stack holds it.
    """
    home.mkdir(parents=True, exist_ok=True)
    with (home / LOCK_FILE).open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            where = "it is just starting or stopping"
            with contextlib.suppress(OSError, ValueError):
                where = json.loads((home / DESCRIPTION_FILE).read_text())["url"]
            raise RefusalError(
                f"The local stack of this checkout runs already: {where}. "
                "Use that one, or stop it with Ctrl-C where it was started."
            ) from None
        # What a stack left that was killed together with its janitor.
        _forget(home)
        yield


def run(stack: Stack, *, with_parent: bool, with_demo: bool) -> None:
    """Start the stack, say so, and watch it until it is asked to stop.

    Raises:
        PartError: a part died.
        ResourceError: the emulated AWS refused the template.
        UnexpectedAnswerError: the demo organization could not be made.
    """
    parent = os.getppid()
    print("Starting …", flush=True)
    stack.start()
    description = stack.description()
    token = stack.token(organization_id=DEMO_ORGANIZATION, scope=SCOPE)
    if with_demo:
        seed(description, Client(url=stack.url, organization_id=DEMO_ORGANIZATION, token=token))
    _write(stack.home / ENVIRONMENT_FILE, stack.environment)
    _write(stack.home / DESCRIPTION_FILE, description)
    stripe = stack.settings.stripe
    is_local = stripe is not None and stripe.is_local
    print(
        SCREEN.format(
            url=stack.url,
            logs=os.path.relpath(stack.logs),
            token=token,
            stripe="both local" if is_local else "local and Stripe's own test mode",
        ),
        flush=True,
    )
    while not (with_parent and os.getppid() != parent):
        stack.check()
        time.sleep(WATCH_SECONDS)


def _forget(home: Path) -> None:
    for name in (DESCRIPTION_FILE, ENVIRONMENT_FILE):
        (home / name).unlink(missing_ok=True)


def _write(path: Path, description: Mapping[str, str]) -> None:
    """Write the description in one step, readable by its owner alone: it may hold a key."""
    draft = path.with_suffix(".draft")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(description, file, indent=2)
    draft.replace(path)


def _request_stop(*_: object) -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # once is enough, and stopping is not interrupted
    raise StopRequest


def main(arguments: list[str] | None = None) -> int:
    """Run the stack; 0 when it was asked to stop, 1 when it could not start or a part died."""
    parser = argparse.ArgumentParser(prog="python -m devstack", description=__doc__)
    parser.add_argument("--root", type=Path, default=CHECKOUT, help="the folder of app.py")
    parser.add_argument("--home", type=Path, default=CHECKOUT / ".local")
    parser.add_argument("--without-demo", action="store_true", help="no organization demo")
    parser.add_argument("--with-parent", action="store_true", help="stop when the caller is gone")
    given = parser.parse_args(arguments)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _request_stop)
    stack: Stack | None = None
    try:
        settings = settings_of(os.environ, home=given.home.resolve(), root=given.root.resolve())
        with only_one(settings.home):
            stack = Stack(settings)
            try:
                run(stack, with_parent=given.with_parent, with_demo=not given.without_demo)
            finally:
                _forget(settings.home)
                stack.stop()
    except StopRequest:
        print("\nStopped.", flush=True)
    except (RefusalError, PartError, ResourceError, UnexpectedAnswerError) as error:
        print(error, file=sys.stderr, flush=True)
        if stack is not None:
            print("The rest was stopped.", file=sys.stderr, flush=True)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""The web process of the local stack: the application behind a stand-in for API Gateway.

`python -m devstack.web --root FOLDER --home FOLDER --descriptor N --key-set-descriptor N`. The
listening sockets are inherited, so that a taken port is found before anything is started.
"""

from __future__ import annotations

import argparse
import importlib
import logging
import os
import signal
import socket
import sys
import threading
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any

from waitress.channel import HTTPChannel
from waitress.server import create_server
from waitress.task import ErrorTask

from devstack.gateway import Gateway, problem
from devstack.invocation import Function, FunctionSettings
from devstack.oidc import Provider
from devstack.plan import LOOPBACK
from devstack.tokens import Issuer, signing_key

if TYPE_CHECKING:
    from collections.abc import Iterable
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

THREADS = 32
API_FUNCTION = "api_handler"
"""Chalice's name for the function that serves the routes."""
LOCAL_PREFIX = "/.local/"


class _ProblemTask(ErrorTask):
    """What waitress itself refuses is answered as a problem too."""

    def execute(self) -> None:
        """Write the refusal and close the connection."""
        request: Any = self.request  # its types are not what waitress itself uses
        status = HTTPStatus(request.error.code)
        _, headers, body = problem(status, "invalid_request", str(request.error.body))
        self.status = f"{status.value} {status.phrase}"
        self.response_headers = headers
        self.set_close_on_finish()
        self.content_length = len(body)
        self.write(body)


class _Channel(HTTPChannel):
    error_task_class = _ProblemTask


class Router:
    """Sends what only the local stack has one way, and everything else the other."""

    def __init__(self, *, application: WSGIApplication, local: WSGIApplication) -> None:
        self._application = application
        self._local = local

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        is_local = environ["PATH_INFO"].startswith(LOCAL_PREFIX)
        return (self._local if is_local else self._application)(environ, start_response)


def serve(application: WSGIApplication, listener: socket.socket, *, threads: int) -> None:
    """Serve until the process is told to stop."""
    server: Any = create_server(
        application,
        sockets=[listener],
        threads=threads,
        ident=None,
        connection_limit=1000,
        clear_untrusted_proxy_headers=True,
    )
    server.channel_class = _Channel
    server.run()


def main() -> None:
    """Serve the application of --root until SIGTERM."""
    parser = argparse.ArgumentParser(prog="python -m devstack.web")
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--descriptor", type=int, required=True)
    parser.add_argument("--key-set-descriptor", type=int, required=True)
    arguments = parser.parse_args()
    logging.basicConfig(
        level=logging.INFO,
        format="%(asctime)s %(levelname)s %(name)s %(message)s",
        stream=sys.stdout,
    )
    app = importlib.import_module("app").app  # of --root, which comes first on the path
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())  # waitress lets its threads finish
    listener = socket.socket(fileno=arguments.descriptor)
    url = f"http://{LOOPBACK}:{listener.getsockname()[1]}"
    provider = Provider(Issuer(stack_url=url, key=signing_key(arguments.home)))
    # The application asks for the key set while it serves a request. If that came to this same
    # server, its threads could all be waiting for each other.
    threading.Thread(
        target=serve,
        args=(provider, socket.socket(fileno=arguments.key_set_descriptor)),
        kwargs={"threads": 2},
        daemon=True,
    ).start()
    settings = FunctionSettings.read(arguments.root)
    function = Function(
        name=API_FUNCTION,
        handler=app,
        timeout_seconds=settings.timeout_seconds(API_FUNCTION),
        memory_mb=settings.memory_mb(API_FUNCTION),
        account_id=os.environ["AWS_ACCESS_KEY_ID"],
    )
    router = Router(application=Gateway(app, function), local=provider)
    serve(router, listener, threads=THREADS)


if __name__ == "__main__":
    main()

"""The HTTP server's connections: kept alive, reset on demand, and all closed at the end."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from devstack.stripe.faults import ConnectionDropped
from devstack.stripe.messages import Request, Response

#: Larger than any form this project sends.
_MAX_BODY_BYTES = 1_000_000

#: Closing with this option resets the connection instead of ending it politely.
_RESET = struct.pack("ii", 1, 0)

Answering = Callable[[Request], Response]


class Server(ThreadingHTTPServer):
    """Answers each request by one function; a thread for each connection."""

    daemon_threads = True
    request_queue_size = 128
    allow_reuse_address = True

    def __init__(self, address: tuple[str, int], answer: Answering) -> None:
        self.answer = answer
        self._open: set[socket.socket] = set()
        self._open_lock = threading.Lock()
        super().__init__(address, _Connection)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Remember the connection, so that `close_all` can end it."""
        with self._open_lock:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Forget the connection."""
        with self._open_lock:
            self._open.discard(request)
        super().shutdown_request(request)

    def close_all(self) -> None:
        """End every connection that is still kept alive."""
        with self._open_lock:
            still_open = list(self._open)
        for connection in still_open:
            with contextlib.suppress(OSError):  # it may have ended by itself
                connection.shutdown(socket.SHUT_RDWR)


class _Connection(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # headers and body leave in one packet
    server: Server

    def handle(self) -> None:
        """Serve until the client leaves; a client that vanishes is no news."""
        with contextlib.suppress(ConnectionError, TimeoutError):
            super().handle()

    def finish(self) -> None:
        """Close; nobody may be left to flush to."""
        with contextlib.suppress(ConnectionError):
            super().finish()

    def _serve(self) -> None:
        length = self.headers.get("Content-Length") or "0"
        if not length.isdecimal() or int(length) > _MAX_BODY_BYTES:
            self.close_connection = True
            self.send_error(413)
            return
        request = Request(
            method=self.command,
            target=self.path,
            headers={name.lower(): value for name, value in self.headers.items()},
            body=self.rfile.read(int(length)),
        )
        try:
            response = self.server.answer(request)
        except ConnectionDropped:
            self.close_connection = True
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            self.connection.close()
            return
        self.send_response(response.status)
        for name, value in response.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(response.body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(response.body)
        self.wfile.flush()

    do_GET = do_POST = do_DELETE = do_OPTIONS = do_HEAD = _serve  # noqa: N815

    def version_string(self) -> str:
        """The Server header."""
        return "local-stripe"

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing: the journal knows every request."""


def path_of(request: Request) -> str:
    """The path without its query."""
    return urlsplit(request.target).path

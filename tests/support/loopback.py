"""An HTTP server on loopback for as long as a test needs it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Request(BaseHTTPRequestHandler):
    """A request to be answered. It says nothing of itself."""

    def log_request(self, code: object = "-", size: object = "-") -> None:
        """Say nothing."""

    def answer(self, body: bytes = b"", *, status: int = 200, **headers: str) -> None:
        """Answer with this; a header's name has a line where it has a hyphen."""
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@contextmanager
def served(answer: Callable[[Request], None]) -> Iterator[str]:
    """The address of a server that has each GET and POST answered, without a slash at its end."""

    class Handler(Request, BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer(self)

        def do_POST(self) -> None:
            answer(self)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()

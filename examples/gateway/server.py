"""The gateway's HTTP side: one route, which answers like OpenAI's, paid before it is served."""

from __future__ import annotations

import json
from collections.abc import Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from examples.gateway.chat import ChatRequest, RefusedError, serve
from gateway import CreditsClient

_PATH = "/v1/chat/completions"
_LARGEST_BODY = 1024 * 1024


class GatewayServer(ThreadingHTTPServer):
    """Serves each connection in a thread of its own."""

    daemon_threads = False
    block_on_close = True

    def __init__(self, port: int, credits_client: CreditsClient) -> None:
        super().__init__(("127.0.0.1", port), GatewayHandler)
        self.credits_client = credits_client


class GatewayHandler(BaseHTTPRequestHandler):
    """One connection, which serves one request: nobody waits for an idle one at the end."""

    server: GatewayServer
    timeout = 30

    def do_POST(self) -> None:
        """Answer a request for a completion."""
        try:
            request = ChatRequest.read(self.headers, self._json())
            answer = serve(request, self.server.credits_client)
        except RefusedError as refusal:
            self._refuse(refusal)
        else:
            self._answer(HTTPStatus.OK, "application/json", answer)

    def log_message(self, *arguments: object) -> None:
        """Say nothing: each request would be a line."""

    def _json(self) -> Any:
        if self.path != _PATH:
            raise RefusedError(HTTPStatus.NOT_FOUND, "not_found", f"Ask for {_PATH}.")
        try:
            length = int(self.headers["Content-Length"])
            if length > _LARGEST_BODY:
                raise ValueError("it is too large")  # noqa: TRY301 - as other faults of a body
            return json.loads(self.rfile.read(length))
        except (TypeError, ValueError) as error:
            detail = f"The body can't be read: {error}"
            raise RefusedError(HTTPStatus.BAD_REQUEST, "invalid_request", detail) from error

    def _refuse(self, refusal: RefusedError) -> None:
        problem = {
            "type": "about:blank",
            "title": refusal.status.phrase,
            "status": refusal.status.value,
            "detail": str(refusal),
            "code": refusal.code,
        }
        self._answer(refusal.status, "application/problem+json", problem)

    def _answer(self, status: HTTPStatus, content_type: str, body: Mapping[str, object]) -> None:
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(text)))
        if status is HTTPStatus.SERVICE_UNAVAILABLE:
            self.send_header("Retry-After", "1")
        self.end_headers()
        self.wfile.write(text)

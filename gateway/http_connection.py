"""HTTP to the credits service: one request with its time-out, over connections that stay open."""

from __future__ import annotations

import http.client
import json
from collections.abc import Mapping
from dataclasses import dataclass
from queue import Empty, Full, LifoQueue
from typing import Any
from urllib.parse import urlsplit

#: More connections than this aren't kept when they are not in use.
_IDLE_CONNECTIONS = 8
_LARGEST_ANSWER = 1024 * 1024


class NoAnswerError(Exception):
    """No answer, or none that is HTTP and JSON; the request may have been acted on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A status, and the JSON object that came with it."""

    status: int
    body: Mapping[str, Any]


class HttpConnections:
    """Connections to one address. No proxy and no redirection is followed."""

    def __init__(self, url: str, *, timeout_seconds: float) -> None:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or parts.hostname is None:
            raise ValueError(f"{url!r} is not the address of a service")
        self._secure = parts.scheme == "https"
        self._host, self._port = parts.hostname, parts.port
        self._prefix = parts.path.rstrip("/")
        self._timeout_seconds = timeout_seconds
        self._idle: LifoQueue[http.client.HTTPConnection] = LifoQueue(_IDLE_CONNECTIONS)

    def request(
        self, method: str, path: str, *, headers: Mapping[str, str], body: object = None
    ) -> Answer:
        """Send one request and read its answer, whatever its status.

        Raises:
            NoAnswerError: and the request may have been acted on, or not.
        """
        data = None if body is None else json.dumps(body).encode()
        sent = {"Accept": "application/json", **headers}
        if data is not None:
            sent["Content-Type"] = "application/json"
        connection = self._connection()
        try:
            connection.request(method, self._prefix + path, body=data, headers=sent)
            answer = connection.getresponse()
            text = answer.read(_LARGEST_ANSWER)
            read = Answer(status=answer.status, body=_object(text))
        except (OSError, http.client.HTTPException, ValueError) as error:
            connection.close()
            self.close()  # the service may have closed the others as well
            raise NoAnswerError(f"{method} {path}: {error or type(error).__name__}") from error
        self._keep(connection)
        return read

    def close(self) -> None:
        """Close the connections that are not in use."""
        while True:
            try:
                self._idle.get_nowait().close()
            except Empty:
                return

    def _connection(self) -> http.client.HTTPConnection:
        try:
            return self._idle.get_nowait()
        except Empty:
            kind = http.client.HTTPSConnection if self._secure else http.client.HTTPConnection
            return kind(self._host, self._port, timeout=self._timeout_seconds)

    def _keep(self, connection: http.client.HTTPConnection) -> None:
        try:
            self._idle.put_nowait(connection)
        except Full:
            connection.close()


def _object(text: bytes) -> Mapping[str, Any]:
    body = json.loads(text) if text else {}
    if not isinstance(body, dict):
        raise ValueError("the answer is not a JSON object")  # noqa: TRY004 - as other JSON faults
    return body

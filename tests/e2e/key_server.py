"""An issuer of tokens that publishes its keys on loopback."""

from __future__ import annotations

import threading
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from cryptography.hazmat.primitives.asymmetric import ec

from devstack.oidc import Provider
from devstack.plan import LOOPBACK
from devstack.tokens import Issuer


class KeyServer:
    """Serves the issuer's key set; a context manager."""

    def __init__(self) -> None:
        self._server = WSGIServer((LOOPBACK, 0), _Quiet)
        url = f"http://{LOOPBACK}:{self._server.server_port}"
        self.issuer = Issuer(stack_url=url, key=ec.generate_private_key(ec.SECP256R1()))
        self.key_set_url = f"{url}/.local/jwks.json"
        self._server.set_app(Provider(self.issuer))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    def __enter__(self) -> KeyServer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
        """Requests for keys are nobody's news."""

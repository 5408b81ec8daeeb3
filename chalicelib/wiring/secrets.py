"""What must stay secret: from Secrets Manager where it is deployed, else from the environment."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from chalicelib.wiring.built_once import built_once
from chalicelib.wiring.stores import Stores

if TYPE_CHECKING:
    from chalicelib.adapters.secrets import Secret


class Secrets(Stores):
    """The secrets, each read on its first use, and the clients of AWS that reach them."""

    def cursor_keys(self) -> Sequence[bytes]:
        """What signs cursors: the first does now, any other did while it was replaced."""
        from chalicelib.adapters.secrets import listed

        return [key.encode() for key in listed(self._cursor_secret.field("key"))]

    def renew_cursor_keys(self) -> bool:
        """Whether the keys have changed since they were read."""
        return self._cursor_secret.renew()

    @built_once
    def _stripe_secret(self) -> Secret:
        fields = {
            "api_key": lambda: self.settings.stripe_api_key,
            "webhook_secrets": lambda: self.settings.stripe_webhook_secrets,
        }
        return self._secret(self.settings.stripe_secret_id, fields)

    @built_once
    def _cursor_secret(self) -> Secret:
        return self._secret(
            self.settings.cursor_secret_id, {"key": lambda: self.settings.cursor_secret}
        )

    def _secret(self, secret_id: str | None, given: Mapping[str, Callable[[], str]]) -> Secret:
        from chalicelib.adapters.secrets import FixedSecret, StoredSecret

        if secret_id is None:
            return FixedSecret(given)
        return StoredSecret(self._client("secretsmanager"), secret_id=secret_id)

    @built_once
    def _session(self) -> Any:
        import boto3

        return boto3.Session()

    def _client(self, service: str) -> Any:
        from botocore.config import Config

        config = Config(
            connect_timeout=2,
            read_timeout=10,
            retries={"mode": "standard", "total_max_attempts": 3},
            # S3 would sign links in an old way, which doesn't cover headers of the answer.
            signature_version="s3v4" if service == "s3" else None,
        )
        return self._session.client(service, config=config)

"""Secrets Manager in memory: texts by name, each as it was last put."""

from __future__ import annotations

from collections.abc import Iterable

from simulation.cloud.errors import refusal
from simulation.cloud.wire import Answer, Params


class MemorySecrets:
    """Tells the secrets that were put here."""

    name = "secretsmanager"

    def __init__(self) -> None:
        self._texts: dict[str, str] = {}

    def put(self, secret_id: str, text: str) -> None:
        """Replace a secret, as an operator does; nothing befalls it."""
        self._texts[secret_id] = text

    def operations(self) -> Iterable[str]:
        """See `Service`."""
        return ("GetSecretValue",)

    def completed(self, operation: str, params: Params) -> Params:
        """See `Service`."""
        del operation
        return params

    def call(self, operation: str, params: Params) -> Answer:
        """See `Service`."""
        text = self._texts.get(params["SecretId"])
        if text is None:
            code, message = "ResourceNotFoundException", "Secrets Manager can't find it."
            raise refusal(code, message, operation=operation)
        return {
            "Name": params["SecretId"],
            "SecretString": text,
            "ResponseMetadata": {"HTTPStatusCode": 200, "HTTPHeaders": {}, "RetryAttempts": 0},
        }

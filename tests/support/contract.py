"""Holds answers against docs/openapi.yaml: `ContractSession` checks each one it receives."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import requests
import yaml
from jsonschema import Draft202012Validator

from scripts.openapi import SOURCE

METHODS = frozenset({"get", "put", "post", "delete", "patch"})
#: The contract's table of refusals: with which statuses each code is answered.
CODES = {
    "invalid_request": {400, 413},
    "idempotency_key_required": {400},
    "invalid_signature": {400},
    "unauthenticated": {401},
    "insufficient_credits": {402},
    "card_declined": {402},
    "forbidden": {403},
    "not_found": {404},
    "idempotency_conflict": {409},
    "request_in_progress": {409},
    "conflict": {409},
    "validation_failed": {422},
    "busy": {429, 503},
}


def contract() -> dict[str, Any]:
    """docs/openapi.yaml."""
    loaded: dict[str, Any] = yaml.safe_load(SOURCE.read_text(encoding="utf-8"))
    return loaded


def operations(document: Mapping[str, Any]) -> dict[tuple[str, str], Any]:
    """The operations by method and path."""
    return {
        (method.upper(), path): operation
        for path, item in document["paths"].items()
        for method, operation in item.items()
        if method in METHODS
    }


def scopes_of(operation: Mapping[str, Any]) -> tuple[str, ...]:
    """The scopes of which an operation needs one, as its description says; none if it is open."""
    if operation.get("security") == []:
        return ()
    said = re.search(r"Scope: ([a-z:]+(?: or [a-z:]+)*)", operation["description"])
    if said is None:
        raise ValueError(f"{operation['operationId']} doesn't say its scope")
    return tuple(scope.rstrip(":") for scope in said[1].split(" or "))


class ContractSession:
    """Calls a running stack; an answer that the contract doesn't describe is an AssertionError."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._session = requests.Session()
        self._document = contract()
        self._operations = operations(self._document)
        self.seen: set[tuple[str, str, int]] = set()

    def call(
        self,
        method: str,
        path: str,
        *,
        body: object = None,
        token: str | None = None,
        key: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> requests.Response:
        """Send a request, redirects not followed, and check the answer."""
        sent = dict(headers or {})
        if token is not None:
            sent["Authorization"] = f"Bearer {token}"
        if key is not None:
            sent["Idempotency-Key"] = key
        raw = body if isinstance(body, str | bytes | None) else json.dumps(body)
        response = self._session.request(
            method, self._url + path, data=raw, headers=sent, allow_redirects=False, timeout=120
        )
        self._check(method, path.partition("?")[0], response)
        return response

    def close(self) -> None:
        """Let go of the connections."""
        self._session.close()

    def _check(self, method: str, path: str, response: requests.Response) -> None:
        template, operation = self._operation(method, path)
        self.seen.add((method, template, response.status_code))
        described = operation["responses"].get(str(response.status_code))
        if described is None:
            assert response.status_code >= 400, f"{method} {path} answered {response.status_code}"
            described = operation["responses"]["default"]
        described = self._resolved(described)
        media = response.headers.get("Content-Type", "").partition(";")[0]
        if "content" not in described:
            assert not response.content, f"{method} {path} answered a body"
            return
        assert media in described["content"], f"{method} {path} answered {media}"
        schema = described["content"][media].get("schema")
        if schema is not None and media.endswith("json"):
            whole = {**schema, "components": self._document["components"]}
            Draft202012Validator(whole).validate(response.json())

    def _operation(self, method: str, path: str) -> tuple[str, Any]:
        # A path without parameters is more special than one with.
        for (verb, template), operation in sorted(
            self._operations.items(), key=lambda item: item[0][1].count("{")
        ):
            pattern = re.sub(r"\{[^}]+\}", "[^/]+", template)
            if verb == method and re.fullmatch(pattern, path):
                return template, operation
        raise AssertionError(f"{method} {path} is not in the contract")

    def _resolved(self, node: Any) -> Any:
        reference = node.get("$ref")
        if reference is None:
            return node
        found: Any = self._document
        for part in reference.removeprefix("#/").split("/"):
            found = found[part]
        return found

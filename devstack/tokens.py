"""The local stack's own issuer of access tokens: its key, its key set, the tokens it signs."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import os
import time
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

ALGORITHM = "ES256"
AUDIENCE = "gateway-credits"
LIFE_SECONDS = 12 * 60 * 60
SCOPES = ("credits:read", "credits:write", "gateway", "operator")
KEY_FILE = "signing-key.pem"


@dataclass(frozen=True, slots=True, kw_only=True)
class Issuer:
    """Signs tokens that the stack at `stack_url` accepts."""

    stack_url: str
    key: ec.EllipticCurvePrivateKey

    @property
    def url(self) -> str:
        """The `iss` of the tokens, below which the OpenID configuration is found."""
        return f"{self.stack_url}/.local/oidc"

    def token(
        self,
        *,
        organization_id: str,
        scope: str,
        subject: str = "developer",
        life_seconds: int = LIFE_SECONDS,
    ) -> str:
        """Return an access token with the claims of the contract."""
        return self.sign(
            {
                "aud": AUDIENCE,
                "sub": subject,
                "org_id": organization_id,
                "scope": scope,
                "jti": str(uuid.uuid4()),
            },
            life_seconds=life_seconds,
        )

    def sign(self, claims: dict[str, Any], *, life_seconds: int = LIFE_SECONDS) -> str:
        """Return a signed token with the claims and the issuer's own."""
        now = int(time.time())
        times = {"iss": self.url, "iat": now, "exp": now + life_seconds}
        headers = {"kid": self.key_set()["keys"][0]["kid"]}
        return jwt.encode({**times, **claims}, self.key, algorithm=ALGORITHM, headers=headers)

    def key_set(self) -> dict[str, Any]:
        """Return the public key as a JSON Web Key Set (RFC 7517); its id is its thumbprint."""
        numbers = self.key.public_key().public_numbers()
        size = (self.key.curve.key_size + 7) // 8
        public = {
            "crv": "P-256",
            "kty": "EC",
            "x": _base64url(numbers.x.to_bytes(size, "big")),
            "y": _base64url(numbers.y.to_bytes(size, "big")),
        }
        canonical = json.dumps(public, sort_keys=True, separators=(",", ":"))
        key_id = _base64url(hashlib.sha256(canonical.encode()).digest())
        return {"keys": [{**public, "use": "sig", "alg": ALGORITHM, "kid": key_id}]}


def signing_key(home: Path) -> ec.EllipticCurvePrivateKey:
    """Return the checkout's key, made on first use and readable by its owner alone."""
    path = home / KEY_FILE
    if not path.exists():
        home.mkdir(parents=True, exist_ok=True)
        pem = ec.generate_private_key(ec.SECP256R1()).private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        own = path.with_name(f"{path.name}.{uuid.uuid4().hex}")
        descriptor = os.open(own, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(pem)
        # Whoever comes first wins, so that two starts at once end with one key.
        with contextlib.suppress(FileExistsError):
            path.hardlink_to(own)
        own.unlink()
    key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise TypeError(f"{path} is not a key for {ALGORITHM}; delete it to have a new one.")
    return key


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")

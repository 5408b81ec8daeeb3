"""Who is calling and what they may do; what they may not see doesn't exist for them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from chalicelib.domain.errors import ForbiddenError, NotFoundError, UnauthenticatedError
from chalicelib.wiring import Services


class Scope(StrEnum):
    """What a caller may do."""

    READ = "credits:read"
    WRITE = "credits:write"
    GATEWAY = "gateway"
    OPERATOR = "operator"


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Whom a token was issued to; `organization_id` is None for one that has no organization."""

    subject: str
    organization_id: str | None
    scopes: frozenset[str]

    def require_any(self, *scopes: Scope) -> None:
        """Refuse unless the caller has one of the scopes.

        Operators may read and set what customers may.

        Raises:
            ForbiddenError: if no scope reaches.
        """
        operates = Scope.OPERATOR in self.scopes and {Scope.READ, Scope.WRITE} & {*scopes}
        if not operates and self.scopes.isdisjoint(scopes):
            needed = " or ".join(f'"{scope}"' for scope in scopes)
            raise ForbiddenError(f"This needs the scope {needed}.")

    def require_organization(self, organization_id: str, scope: Scope) -> None:
        """Refuse what isn't the caller's own, as if it didn't exist.

        Raises:
            NotFoundError: if the organization is another one and the scope doesn't reach it.
        """
        everywhere = scope in {Scope.GATEWAY, Scope.OPERATOR} or Scope.OPERATOR in self.scopes
        if not everywhere and self.organization_id != organization_id:
            raise NotFoundError("There is no such organization.")


def authenticate(authorization: str | None, services: Services) -> Caller:
    """Whom an `Authorization` header proves to be calling.

    Raises:
        UnauthenticatedError: if it proves nothing.
    """
    scheme, _, token = (authorization or "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise UnauthenticatedError("Send a token: Authorization: Bearer <JWT>.")
    claims = services.verify_token(token.strip())
    if claims is None:
        raise UnauthenticatedError("The token is not valid, or no longer.")
    scope, organization_id = claims.get("scope", ""), claims.get("org_id")
    if not isinstance(scope, str) or not isinstance(organization_id, str | None):
        raise UnauthenticatedError("The token's scope or org_id is not text.")
    return Caller(
        subject=str(claims["sub"]),
        organization_id=organization_id,
        scopes=frozenset(scope.split()),
    )

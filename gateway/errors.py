"""Why a call may not be made now."""

from __future__ import annotations


class CallRefusedError(Exception):
    """The call must not be made: nothing would pay for it, as far as can be known."""


class CreditsBlockedError(CallRefusedError):
    """The organization may not spend: `reason` is "exhausted" or "suspended".

    Credits have to be added, or the account released, before a call is worth another try.
    """

    def __init__(self, organization_id: str, *, reason: str, available_nanos: int | None) -> None:
        super().__init__(f"{organization_id} is {reason}")
        self.organization_id = organization_id
        self.reason = reason
        self.available_nanos = available_nanos


class CreditsUnavailableError(CallRefusedError):
    """Nobody knows whether the organization may spend, and no open lease has room.

    The credits service can't be reached, or it refuses this gateway (the text says so). The same
    call may be tried again soon.
    """

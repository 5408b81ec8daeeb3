"""What AWS said of a failure, as far as a log may tell it."""

from __future__ import annotations

from botocore.exceptions import BotoCoreError, ClientError


def reason_of(error: BotoCoreError | ClientError) -> str:
    """AWS's code, such as AccessDeniedException, or what kept us from asking; never its words."""
    if isinstance(error, ClientError):
        return str(error.response["Error"].get("Code", "without a code"))
    return type(error).__name__

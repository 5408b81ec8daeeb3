"""The Events port on EventBridge: one bus of our own, one event per notice."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from aws_lambda_powertools import Logger
from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.adapters.aws_errors import reason_of
from chalicelib.domain.notices import Notice, NoticeFailedError

if TYPE_CHECKING:
    from botocore.client import BaseClient

logger = Logger(child=True)

#: What rules match on, together with the notice's kind.
SOURCE = "gateway-credits"


class EventBridgeEvents:
    """The Events port."""

    def __init__(self, client: BaseClient, *, bus: str) -> None:
        self._client = client
        self._bus = bus

    def publish(self, notice: Notice) -> None:
        """See the port. EventBridge answers 200 for events that it didn't take, too."""
        try:
            answer = self._client.put_events(
                Entries=[
                    {
                        "EventBusName": self._bus,
                        "Source": SOURCE,
                        "DetailType": notice.kind.value,
                        "Time": notice.created_at,
                        "Detail": json.dumps(notice.content),
                    }
                ]
            )
        except (BotoCoreError, ClientError) as error:
            # The use case tries again, whatever it was; a lacking right is for people to see.
            logger.warning(
                "A notice was not published", notice=notice.name, reason=reason_of(error)
            )
            raise NoticeFailedError(f"{notice.id} was not published") from error
        if answer.get("FailedEntryCount"):
            reason = answer["Entries"][0].get("ErrorCode", "without a reason")
            logger.warning("A notice was not published", notice=notice.name, reason=reason)
            raise NoticeFailedError(f"{notice.id} was not taken: {reason}")

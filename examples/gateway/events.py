"""Feeds the client with the service's events, from a queue that EventBridge fills."""

from __future__ import annotations

import json
import logging
import threading
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from gateway import CreditsClient

logger = logging.getLogger(__name__)

_WAIT_SECONDS = 1


class EventFeed:
    """Each gateway process needs a queue of its own, since each has a cache of its own."""

    def __init__(self, sqs: Any, queue_url: str, credits_client: CreditsClient) -> None:
        self._sqs = sqs
        self._queue_url = queue_url
        self._credits_client = credits_client
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="credits-events")

    def __enter__(self) -> EventFeed:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._receive()
            except (BotoCoreError, ClientError) as error:
                # Without events, the cache's bound on age decides alone.
                logger.warning("No events can be had: %s", error)
                self._stopping.wait(_WAIT_SECONDS)

    def _receive(self) -> None:
        answer = self._sqs.receive_message(
            QueueUrl=self._queue_url, MaxNumberOfMessages=10, WaitTimeSeconds=_WAIT_SECONDS
        )
        for message in answer.get("Messages", ()):
            self._credits_client.apply_event(json.loads(message["Body"]))
            handle = message["ReceiptHandle"]
            self._sqs.delete_message(QueueUrl=self._queue_url, ReceiptHandle=handle)

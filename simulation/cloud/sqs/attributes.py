"""What GetQueueAttributes says of a queue."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime

from simulation.cloud.sqs.queue import Queue
from simulation.cloud.wire import Answer, Params


def queue_attributes(
    queue: Queue, params: Params, queues: Mapping[str, Queue], *, now: datetime
) -> Answer:
    """The attributes that were asked for."""
    settings = queue.settings
    messages = queue.messages()
    hidden = [message for message in messages if message.visible_at > now]
    delayed = sum(message.receive_count == 0 for message in hidden)
    found = {
        "QueueArn": settings.arn,
        "ApproximateNumberOfMessages": str(len(messages) - len(hidden)),
        "ApproximateNumberOfMessagesNotVisible": str(len(hidden) - delayed),
        "ApproximateNumberOfMessagesDelayed": str(delayed),
        "VisibilityTimeout": str(settings.visibility_timeout_seconds),
        "DelaySeconds": str(settings.delay_seconds),
        "MessageRetentionPeriod": str(settings.retention_seconds),
    }
    if settings.fifo:
        found["FifoQueue"] = "true"
    if settings.dead_letters_url is not None and settings.dead_letters_url in queues:
        found["RedrivePolicy"] = json.dumps(
            {
                "deadLetterTargetArn": queues[settings.dead_letters_url].settings.arn,
                "maxReceiveCount": settings.max_receive_count,
            }
        )
    wanted = set(params.get("AttributeNames", ()))
    return {
        "Attributes": {
            name: value for name, value in found.items() if "All" in wanted or name in wanted
        }
    }

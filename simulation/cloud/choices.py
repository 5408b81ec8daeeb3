"""What the real services leave open, and who is asked each time that something is."""

from __future__ import annotations

from datetime import timedelta


class Choices:
    """Always the strongest that a service ever is; a subclass chooses worse.

    Every method is asked at the moment when it matters, and only when there is a choice. An answer
    beyond what is possible counts as the furthest that is. The words for an item (`key`) and for a
    message are texts that name the same thing in every run.
    """

    #: Whether tables remember what they were, so that reads and indexes can be behind at all.
    #: It costs time and memory; without it the two `…_behind` are never asked.
    remembers: bool = False
    #: After that, every replica and index has caught up with a change.
    settles_after: timedelta = timedelta(seconds=5)

    def read_behind(self, table: str, key: str, changes: int) -> int:
        """How many of an item's last `changes` an eventually consistent read doesn't see."""
        del table, key, changes
        return 0

    def index_behind(self, index: str, key: str, changes: int) -> int:
        """How many of an item's last `changes` are not in an index (`table/name`) for this query.

        Items are asked about one by one, since DynamoDB promises no order among them.
        """
        del index, key, changes
        return 0

    def unprocessed(self, operation: str, count: int) -> int:
        """How many of a batch's `count` requests come back as unprocessed; never all of them."""
        del operation, count
        return 0

    def next_message(self, queue: str, waiting: int) -> int:
        """Which of the `waiting` messages of a standard queue comes next; 0 is the oldest."""
        del queue, waiting
        return 0

    def received_fewer(self, queue: str, count: int) -> int:
        """How many of the `count` messages that it could give a receive from it leaves out."""
        del queue, count
        return 0

    def delivered_twice(self, queue: str, message_id: str) -> bool:
        """Whether a message of a standard queue stays visible though it was just received."""
        del queue, message_id
        return False

    def survives_deletion(self, queue: str, message_id: str) -> bool:
        """Whether a deleted message of a standard queue comes once more all the same."""
        del queue, message_id
        return False


#: The engine as it is on a good day.
STRONGEST = Choices()

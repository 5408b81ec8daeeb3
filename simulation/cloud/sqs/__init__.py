"""SQS in memory."""

from simulation.cloud.sqs.service import MemorySqs

__all__ = ["MemorySqs"]

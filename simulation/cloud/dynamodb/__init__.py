"""DynamoDB in memory."""

from simulation.cloud.dynamodb.engine import MemoryDynamoDb
from simulation.cloud.dynamodb.schema import TableSchema
from simulation.cloud.dynamodb.stream import MemoryStream

__all__ = ["MemoryDynamoDb", "MemoryStream", "TableSchema"]

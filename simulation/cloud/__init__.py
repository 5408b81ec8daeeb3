"""AWS in memory: what the real services promise, and on request no more than that.

`MemoryCloud` makes everything that `.chalice/resources.yaml` describes. Its clients take the place
of boto3's and PynamoDB's. What the real services leave open is asked of `Choices`; what can go
wrong on the way to them and back is a `Wire`. Nothing here reads a clock, a set's order or chance.
"""

from simulation.cloud.choices import Choices
from simulation.cloud.cloud import MemoryCloud
from simulation.cloud.wire import Answer, Params, Request, Wire

__all__ = ["Answer", "Choices", "MemoryCloud", "Params", "Request", "Wire"]

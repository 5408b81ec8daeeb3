"""The ports kept in DynamoDB: one table per aggregate, and one transaction per fact.

Aggregates with a module of their own join the tables when that module is imported.
"""

from chalicelib.adapters.dynamodb import (
    archives,
    holds,
    notices,
    prices,
    purchase_days,
    trace_counts,
    usage_days,
)

__all__ = ["archives", "holds", "notices", "prices", "purchase_days", "trace_counts", "usage_days"]

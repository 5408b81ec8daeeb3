"""The ports kept in DynamoDB: one table per aggregate, and one transaction per fact."""

"""DynamoDB's expressions: parsed once per text, checked and evaluated per request."""

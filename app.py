"""The Chalice application: registers the routes, and names every Lambda's entry point."""

from aws_lambda_powertools import Logger
from chalice.app import Chalice, ConvertToMiddleware

from chalicelib.adapters.log_format import DiscreetFormatter
from chalicelib.api import (
    account,
    buying,
    exports,
    gateway,
    holds,
    operating,
    page,
    prices,
    public,
    usage,
    webhooks,
)
from chalicelib.workers.observing import correlated_with, told_without_words
from chalicelib.workers.queues import (
    invoice_worker,
    payment_event_worker,
    top_up_worker,
    usage_worker,
    workers,
)
from chalicelib.workers.rolling_up import rollup_worker
from chalicelib.workers.schedules import reconcile, sweep
from chalicelib.workers.streams import notice_worker

__all__ = [
    "app",
    "invoice_worker",
    "notice_worker",
    "payment_event_worker",
    "reconcile",
    "rollup_worker",
    "sweep",
    "top_up_worker",
    "usage_worker",
]

logger = Logger(logger_formatter=DiscreetFormatter())

app = Chalice(app_name="gateway-credits", configure_logs=False)
app.log = logger  # type: ignore[assignment]  # it has the methods, and writes JSON

app.register_middleware(correlated_with, "all")
app.register_middleware(ConvertToMiddleware(logger.inject_lambda_context(clear_state=True)), "all")
for event_type in ("sqs", "scheduled", "dynamodb"):
    app.register_middleware(told_without_words, event_type)

for module in (
    account,
    buying,
    exports,
    gateway,
    holds,
    operating,
    page,
    prices,
    public,
    usage,
    webhooks,
):
    app.register_blueprint(module.routes.blueprint)
app.register_blueprint(workers)

"""The routes of what is taken away as a file: the Transaction History as CSV."""

from __future__ import annotations

from chalice.app import Response

from chalicelib.api.auth import Scope
from chalicelib.api.csv_text import csv_response, csv_text
from chalicelib.api.http import Call, Routes
from chalicelib.api.parsing import read_purchase_type, read_window
from chalicelib.domain.errors import ValidationFailedError
from chalicelib.domain.instant import format_instant
from chalicelib.domain.money import format_usd
from chalicelib.domain.purchase import Purchase
from chalicelib.ports import Window

routes = Routes()

#: About 3 MB, half of what a Lambda may answer.
_MOST_ROWS = 25_000

_HEADER = (
    "id",
    "type",
    "created_at",
    "amount",
    "refunded_amount",
    "currency",
    "status",
    "invoice_number",
)


@routes.organization("GET", "/transactions.csv", Scope.READ)
def download_transactions(call: Call) -> Response:
    """The succeeded purchases, newest first: all that the filters choose."""
    query = call.query("type", "from", "to")
    period = read_window(call, query, list_name="transactions.csv")
    page = call.services.purchases.succeeded(
        call.organization_id,
        Window(limit=_MOST_ROWS, since=period.since, until=period.until),
        type=read_purchase_type(query),
    )
    if page.after is not None:
        detail = f"these are more than {_MOST_ROWS} transactions: choose a shorter time"
        raise ValidationFailedError.of("from", detail)
    text = csv_text(_HEADER, map(_row, page.items))
    return csv_response(text, file_name=f"transactions-{call.organization_id}.csv")


def _row(purchase: Purchase) -> tuple[str, ...]:
    return (
        purchase.id,
        purchase.type.value,
        format_instant(purchase.created_at),
        format_usd(purchase.amount_nanos),
        format_usd(purchase.refunded_nanos),
        "USD",
        purchase.status.value,
        purchase.invoice_number or "",
    )

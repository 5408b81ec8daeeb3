"""Tax transactions: calculations that became sales, and their reversals."""

from __future__ import annotations

from devstack.stripe.call import Call, Routes
from devstack.stripe.errors import Json, invalid, refused
from devstack.stripe.objects.metadata import merged
from devstack.stripe.state import State


def commit(state: State, intent: Json) -> None:
    """Turn the calculation that a paid intent names into a tax transaction, as Stripe does."""
    if intent["hooks"]:
        name = intent["hooks"]["inputs"]["tax"]["calculation"]
        calculation = state.get("tax.calculation", name, param="calculation")
        _from_calculation(state, calculation, reference=intent["id"], metadata={})


def reverse_refunded(state: State, intent: Json | None, refund: Json) -> None:
    """Take back the refunded share of a paid intent's tax, if its calculation was committed."""
    if intent is None or not intent["hooks"]:
        return
    original = next(
        item for item in state.all("tax.transaction") if item["reference"] == intent["id"]
    )
    _reversal(
        state,
        original,
        lines=_shares(original, -refund["amount"]),
        reference=refund["id"],
        metadata={},
    )


def _from_calculation(
    state: State, calculation: Json, *, reference: str, metadata: dict[str, str]
) -> Json:
    if any(item["reference"] == reference for item in state.all("tax.transaction")):
        raise refused(
            f"A tax transaction with the reference '{reference}' exists already.",
            param="reference",
        )
    lines = [
        _line(state, item, amount=item["amount"], tax=item["amount_tax"], original=None)
        for item in calculation["line_items"]["data"]
    ]
    return _transaction(
        state,
        calculation,
        kind="transaction",
        lines=lines,
        reference=reference,
        metadata=metadata,
        reversal=None,
    )


def _line(state: State, item: Json, *, amount: int, tax: int, original: str | None) -> Json:
    return state.new(
        "tax.transaction_line_item",
        amount=amount,
        amount_tax=tax,
        metadata={},
        product=item["product"],
        quantity=item["quantity"],
        reference=item["reference"],
        reversal={"original_line_item": original} if original else None,
        tax_behavior=item["tax_behavior"],
        tax_code=item["tax_code"],
        type="reversal" if original else "transaction",
    )


def _transaction(
    state: State,
    source: Json,
    *,
    kind: str,
    lines: list[Json],
    reference: str,
    metadata: dict[str, str],
    reversal: str | None,
) -> Json:
    made = state.new(
        "tax.transaction",
        currency=source["currency"],
        customer=source["customer"],
        customer_details=source["customer_details"],
        metadata=metadata,
        posted_at=state.now(),
        reference=reference,
        reversal={"original_transaction": reversal} if reversal else None,
        ship_from_details=None,
        shipping_cost=None,
        tax_date=source["tax_date"],
        type=kind,
    )
    made["line_items"] = {
        "object": "list",
        "data": lines,
        "has_more": False,
        "url": f"/v1/tax/transactions/{made['id']}/line_items",
    }
    return made


def _total(line: Json) -> int:
    extra = line["amount_tax"] if line["tax_behavior"] == "exclusive" else 0
    return int(line["amount"]) + int(extra)


def _shares(original: Json, flat_amount: int) -> list[tuple[Json, int, int]]:
    """A flat amount, taxes included and negative, spread over the lines; the last takes the rest.

    Each share is (line, amount, tax), in the smallest unit.
    """
    lines = original["line_items"]["data"]
    whole = sum(_total(line) for line in lines) or 1
    rest, shares = flat_amount, []
    for place, line in enumerate(lines):
        total = rest if place == len(lines) - 1 else flat_amount * _total(line) // whole
        rest -= total
        tax = -(-total * line["amount_tax"] // (_total(line) or 1))
        shares.append((line, total - tax if line["tax_behavior"] == "exclusive" else total, tax))
    return shares


def _reversal(
    state: State,
    original: Json,
    *,
    lines: list[tuple[Json, int, int]],
    reference: str,
    metadata: dict[str, str],
) -> Json:
    made = [
        _line(state, line, amount=amount, tax=tax, original=line["id"])
        for line, amount, tax in lines
    ]
    return _transaction(
        state,
        original,
        kind="reversal",
        lines=made,
        reference=reference,
        metadata=metadata,
        reversal=original["id"],
    )


def _create(state: State, call: Call) -> Json:
    params = call.params
    calculation = state.get("tax.calculation", params["calculation"], param="calculation")
    return _from_calculation(
        state,
        calculation,
        reference=params["reference"],
        metadata=merged(None, params.get("metadata")),
    )


def _create_reversal(state: State, call: Call) -> Json:
    params = call.params
    original = state.get(
        "tax.transaction", params["original_transaction"], param="original_transaction"
    )
    lines = {line["id"]: line for line in original["line_items"]["data"]}
    if params["mode"] == "full":
        shares = [(line, -line["amount"], -line["amount_tax"]) for line in lines.values()]
    elif "flat_amount" in params:
        if params["flat_amount"] >= 0:
            raise invalid("flat_amount must be negative.", param="flat_amount")
        shares = _shares(original, params["flat_amount"])
    else:
        given = params.get("line_items")
        if not given:
            raise invalid(
                "A partial reversal needs `flat_amount` or `line_items`.", param="line_items"
            )
        for item in given:
            if item["original_line_item"] not in lines:
                raise invalid(
                    f"No such line item: '{item['original_line_item']}'", param="line_items"
                )
        shares = [
            (lines[item["original_line_item"]], item["amount"], item["amount_tax"])
            for item in given
        ]
    return _reversal(
        state,
        original,
        lines=shares,
        reference=params["reference"],
        metadata=merged(None, params.get("metadata")),
    )


def _retrieve(state: State, call: Call) -> Json:
    return state.get("tax.transaction", call.path["transaction"], param="transaction", status=404)


ROUTES: Routes = {
    ("POST", "/v1/tax/transactions/create_from_calculation"): _create,
    ("POST", "/v1/tax/transactions/create_reversal"): _create_reversal,
    ("GET", "/v1/tax/transactions/{transaction}"): _retrieve,
}

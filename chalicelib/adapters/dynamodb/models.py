"""The tables, as `.chalice/resources.yaml` describes them, and how this process reaches them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from pynamodb.attributes import BooleanAttribute, ListAttribute, NumberAttribute, UnicodeAttribute
from pynamodb.connection import Connection
from pynamodb.indexes import AllProjection, GlobalSecondaryIndex, KeysOnlyProjection
from pynamodb.models import Model

from chalicelib.adapters.dynamodb.attributes import DataAttribute, TimeAttribute
from chalicelib.adapters.dynamodb.connection import SharedConnection

#: What a row of a sparse index has for a hash key: the index holds only what is due.
DUE = "due"


class LowAccountsIndex(GlobalSecondaryIndex["AccountModel"]):
    """Accounts that need a top-up, oldest first."""

    class Meta:
        index_name = "low"
        projection = KeysOnlyProjection()

    low = UnicodeAttribute(hash_key=True)
    low_since = TimeAttribute(range_key=True)


class AccountModel(Model):
    """One account. DynamoDB can't compare attributes' sums, hence the stored `headroom`.

    `writes` counts the writes that added to its history, and `last_write` is the key of the first
    entry of the latest: so the table's stream tells of every one, in order and without gaps.
    """

    class Meta:
        table_name = ""

    organization_id = UnicodeAttribute(hash_key=True)
    available = NumberAttribute(default=0)
    held = NumberAttribute(default=0)
    headroom = NumberAttribute(default=0)
    floor = NumberAttribute(default=0)
    tops_up = BooleanAttribute(null=True)
    suspended = BooleanAttribute(null=True)
    closed = BooleanAttribute(null=True)
    low = UnicodeAttribute(null=True)
    low_since = TimeAttribute(null=True)
    writes = NumberAttribute(default=0)
    last_write = UnicodeAttribute(null=True)

    low_accounts: ClassVar[LowAccountsIndex] = LowAccountsIndex()


class HistoryIndex(GlobalSecondaryIndex["EntryModel"]):
    """An organization's writes by time. Only the first entry of a write is in it."""

    class Meta:
        index_name = "history"
        projection = AllProjection()

    listed_in = UnicodeAttribute(hash_key=True)
    id = UnicodeAttribute(range_key=True)


class EntryModel(Model):
    """One ledger entry. `followers` are the keys of the further entries of the same write."""

    class Meta:
        table_name = ""

    entry_key = UnicodeAttribute(hash_key=True)
    organization_id = UnicodeAttribute()
    id = UnicodeAttribute()
    kind = UnicodeAttribute()
    amount = NumberAttribute()
    held = NumberAttribute(null=True)
    available_after = NumberAttribute(null=True)
    recorded_at = TimeAttribute()
    digest = UnicodeAttribute()
    project_id = UnicodeAttribute(null=True)
    overdrawn = BooleanAttribute(null=True)
    details = DataAttribute(null=True)
    listed_in = UnicodeAttribute(null=True)
    followers: ListAttribute[Any] = ListAttribute(null=True)

    history: ClassVar[HistoryIndex] = HistoryIndex()


class DuePurchasesIndex(GlobalSecondaryIndex["PurchaseModel"]):
    """Purchases that are not final, by the time to ask about them."""

    class Meta:
        index_name = "due"
        projection = AllProjection()

    due = UnicodeAttribute(hash_key=True)
    check_at = TimeAttribute(range_key=True)


class PurchaseModel(Model):
    """One purchase."""

    class Meta:
        table_name = ""

    organization_id = UnicodeAttribute(hash_key=True)
    id = UnicodeAttribute(range_key=True)
    type = UnicodeAttribute()
    status = UnicodeAttribute()
    amount = NumberAttribute()
    tax = NumberAttribute(default=0)
    tax_rate_percent = UnicodeAttribute(default="0")
    tax_calculation_id = UnicodeAttribute(null=True)
    reversals = DataAttribute(null=True)
    created_at = TimeAttribute()
    created_by = UnicodeAttribute()
    completed_at = TimeAttribute(null=True)
    customer_id = UnicodeAttribute()
    card = DataAttribute()
    billing_details = DataAttribute()
    payment_id = UnicodeAttribute(null=True)
    failure = DataAttribute(null=True)
    invoice_number = UnicodeAttribute(null=True)
    due = UnicodeAttribute(null=True)
    check_at = TimeAttribute(null=True)
    version = NumberAttribute()

    due_purchases: ClassVar[DuePurchasesIndex] = DuePurchasesIndex()


class DueTopUpsIndex(GlobalSecondaryIndex["TopUpModel"]):
    """Standing orders to look at again, by the time to do so."""

    class Meta:
        index_name = "due"
        projection = KeysOnlyProjection()

    due = UnicodeAttribute(hash_key=True)
    check_at = TimeAttribute(range_key=True)


class TopUpModel(Model):
    """One standing order. `open_purchase_id` is there while a charge is open."""

    class Meta:
        table_name = ""

    organization_id = UnicodeAttribute(hash_key=True)
    enabled = BooleanAttribute()
    threshold = NumberAttribute()
    amount = NumberAttribute()
    monthly_limit = NumberAttribute(null=True)
    enabled_by = UnicodeAttribute(null=True)
    enabled_at = TimeAttribute(null=True)
    open_purchase_id = UnicodeAttribute(null=True)
    action_required = BooleanAttribute()
    month = UnicodeAttribute(null=True)
    month_spent = NumberAttribute()
    declines_in_a_row = NumberAttribute()
    last_failure = DataAttribute(null=True)
    retry_at = TimeAttribute(null=True)
    paused = BooleanAttribute()
    attempts = DataAttribute()
    due = UnicodeAttribute(null=True)
    check_at = TimeAttribute(null=True)
    version = NumberAttribute()

    due_top_ups: ClassVar[DueTopUpsIndex] = DueTopUpsIndex()


class CustomerModel(Model):
    """One organization as a buyer."""

    class Meta:
        table_name = ""

    organization_id = UnicodeAttribute(hash_key=True)
    customer_id = UnicodeAttribute(null=True)
    former_customer_ids: ListAttribute[Any] = ListAttribute(null=True)
    billing_details = DataAttribute(null=True)
    default_payment_method_id = UnicodeAttribute(null=True)
    mandates = DataAttribute(null=True)
    version = NumberAttribute()


class RequestModel(Model):
    """One idempotency key and its answer."""

    class Meta:
        table_name = ""

    request_key = UnicodeAttribute(hash_key=True)
    organization_id = UnicodeAttribute()
    operation = UnicodeAttribute()
    key = UnicodeAttribute()
    digest = UnicodeAttribute()
    subject_id = UnicodeAttribute()
    started_at = TimeAttribute()
    answer = DataAttribute(null=True)
    version = NumberAttribute()


class SequenceModel(Model):
    """The numbers taken so far in one sequence."""

    class Meta:
        table_name = ""

    name = UnicodeAttribute(hash_key=True)
    last = NumberAttribute()


class DueInvoicesIndex(GlobalSecondaryIndex["InvoiceModel"]):
    """Invoices whose files are not stored yet."""

    class Meta:
        index_name = "due"
        projection = AllProjection()

    due = UnicodeAttribute(hash_key=True)
    check_at = TimeAttribute(range_key=True)


class InvoiceModel(Model):
    """One issued invoice."""

    class Meta:
        table_name = ""

    organization_id = UnicodeAttribute(hash_key=True)
    number = UnicodeAttribute(range_key=True)
    purchase_id = UnicodeAttribute()
    issued_at = TimeAttribute()
    content = DataAttribute()
    due = UnicodeAttribute(null=True)
    check_at = TimeAttribute(null=True)
    version = NumberAttribute()

    due_invoices: ClassVar[DueInvoicesIndex] = DueInvoicesIndex()


#: The model of each aggregate; those with a module of their own add themselves.
MODELS: dict[str, type[Model]] = {
    "accounts": AccountModel,
    "ledger": EntryModel,
    "purchases": PurchaseModel,
    "top_ups": TopUpModel,
    "customers": CustomerModel,
    "requests": RequestModel,
    "sequences": SequenceModel,
    "invoices": InvoiceModel,
}


def connect(tables: Mapping[str, str], *, region: str) -> Connection:
    """Bind the models to the tables' names and to one client that they share.

    Time-outs are short, since every call has callers waiting behind it; botocore tries thrice.
    The endpoint and the credentials are botocore's own matter.

    Raises:
        KeyError: for a table without its model or a model without its table; none is left out.
    """
    connection = SharedConnection(
        region=region,
        connect_timeout_seconds=2,
        read_timeout_seconds=5,
        max_retry_attempts=2,
        max_pool_connections=50,
    )
    for aggregate in {**tables, **MODELS}:
        model = MODELS[aggregate]
        model.Meta.table_name = tables[aggregate]
        model._connection = None
        table = model._get_connection()
        connection.add_meta_table(table.get_meta_table())
        table.connection = connection
    return connection

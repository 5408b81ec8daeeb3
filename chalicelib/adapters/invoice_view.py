"""What stands where on an invoice, in words: the one text that the PDF and the HTML both show."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

from chalicelib.adapters.postal_address import address_lines
from chalicelib.adapters.printable_text import clipped, harmless
from chalicelib.domain.billing import Address, TaxId
from chalicelib.domain.invoice import CardPayment, Invoice, TaxTreatment
from chalicelib.domain.money import NANOS_PER_CENT, format_usd

#: Longest text that is printed of each kind, in characters. Real ones are far shorter; these keep
#: a hostile one from pushing the amounts off the page.
_MAX_NAME: Final = 160
_MAX_LINE: Final = 120
_MAX_NOTE: Final = 500

_BRANDS: Final = {
    "amex": "American Express",
    "cartes_bancaires": "Cartes Bancaires",
    "diners": "Diners Club",
    "eftpos_au": "Eftpos Australia",
    "jcb": "JCB",
    "unionpay": "UnionPay",
}
#: By how Stripe's type of the ID ends; any other is a plain tax ID.
_TAX_ID_LABELS: Final = {
    "_vat": "VAT ID",
    "_gst": "GST number",
    "_gst_hst": "GST/HST number",
    "_ein": "EIN",
    "_abn": "ABN",
}
_TAX_NAMES: Final = {"_vat": "VAT", "_gst": "GST", "_gst_hst": "GST/HST", "_abn": "GST"}


class InvoiceView:
    """Puts invoices into words, each text that a person wrote made fit to print."""

    def __init__(
        self, *, country_names: Mapping[str, str], finish: Callable[[str], str] = str
    ) -> None:
        """`finish` is the last thing done to a person's text, for the medium's own needs."""
        self._country_names = country_names
        self._finish = finish

    def of(self, invoice: Invoice) -> dict[str, Any]:
        """The document's words, as JSON data for a template."""
        noun = "Credit note" if invoice.is_credit_note else "Invoice"
        done = "Refunded" if invoice.is_credit_note else "Paid"
        total = _money(invoice.total_nanos)
        return {
            "kind": invoice.kind.value,
            "title": noun,
            "document_title": f"{noun} {invoice.number}",
            "number": invoice.number,
            "paper": invoice.paper_size,
            "mark": done,
            "headline": f"{total} {done.lower()} on {_date(invoice.payment.paid_at)}",
            "facts": _pairs(self._facts(invoice, noun)),
            "seller": self._seller(invoice),
            "buyer": self._buyer(invoice),
            "lines": [
                {
                    "description": self._text(line.description, _MAX_LINE),
                    "quantity": f"{line.quantity:,}",
                    "unit_price": _money(line.unit_net_nanos),
                    "amount": _money(line.net_nanos),
                }
                for line in invoice.lines
            ],
            "totals": _pairs(self._totals(invoice)),
            "total": {"label": f"Total {invoice.currency}", "value": total},
            "settled": {"label": f"Amount {done.lower()}", "value": total},
            "notes": self._notes(invoice),
            "payment": _pairs(self._payment(invoice)),
            "footer": self._text(invoice.seller.footer or "", _MAX_NOTE),
        }

    def _facts(self, invoice: Invoice, noun: str) -> list[tuple[str, str]]:
        facts = [
            (f"{noun} number", invoice.number),
            ("Date of issue", _date(invoice.issued_at)),
            (
                "Date of refund" if invoice.is_credit_note else "Date of supply",
                _date(invoice.supplied_at),
            ),
        ]
        if invoice.corrects_number is not None:
            facts.insert(1, ("Corrects invoice", invoice.corrects_number))
        return facts

    def _seller(self, invoice: Invoice) -> dict[str, Any]:
        seller = invoice.seller
        contacts = [self._text(text, _MAX_LINE) for text in (seller.email, seller.website) if text]
        return {
            "name": self._text(seller.name, _MAX_NAME),
            "lines": [*self._address(seller.address), *contacts],
            "tax_ids": [self._tax_id(tax_id) for tax_id in seller.tax_ids],
            "logo_svg": seller.logo_svg or "",
        }

    def _buyer(self, invoice: Invoice) -> dict[str, Any]:
        buyer = invoice.buyer
        return {
            "name": self._text(buyer.name, _MAX_NAME) or "(no name given)",
            "lines": [
                *self._address(buyer.address),
                *([self._text(buyer.email, _MAX_LINE)] if buyer.email else []),
            ],
            "tax_ids": [self._tax_id(buyer.tax_id)] if buyer.tax_id else [],
        }

    def _totals(self, invoice: Invoice) -> list[tuple[str, str]]:
        name = _tax_name(invoice.seller.tax_ids)
        if invoice.tax_treatment is TaxTreatment.REVERSE_CHARGE:
            tax = f"{name} (0%, reverse charge)"
        else:
            tax = f"{name} ({invoice.tax_rate_percent}%)"
        return [("Net amount", _money(invoice.net_nanos)), (tax, _money(invoice.tax_nanos))]

    def _notes(self, invoice: Invoice) -> list[str]:
        notes = [self._text(invoice.tax_note or "", _MAX_NOTE)]
        if invoice.is_credit_note:
            notes.insert(0, f"This credit note corrects invoice {invoice.corrects_number}.")
            if reason := self._text(invoice.reason or "", _MAX_NOTE):
                notes.insert(1, f"Reason: {reason}")
        return [note for note in notes if note]

    def _payment(self, invoice: Invoice) -> list[tuple[str, str]]:
        done = "Refunded" if invoice.is_credit_note else "Paid"
        return [
            (f"{done} to" if invoice.is_credit_note else "Paid with", self._card(invoice.payment)),
            (f"{done} on", _date(invoice.payment.paid_at)),
            ("Transaction ID", self._text(invoice.transaction_id, _MAX_LINE)),
        ]

    def _card(self, payment: CardPayment) -> str:
        brand = _BRANDS.get(payment.brand, payment.brand.replace("_", " ").capitalize())
        name = self._text(brand, _MAX_LINE)
        return f"{name} •••• {payment.last4}" if payment.last4 else name

    def _address(self, address: Address) -> list[str]:
        country = self._country_names.get(address.country, address.country)
        lines = address_lines(address, country_name=country)
        return [text for line in lines if (text := self._text(line, _MAX_LINE))]

    def _tax_id(self, tax_id: TaxId) -> dict[str, str]:
        label = _by_suffix(_TAX_ID_LABELS, tax_id.type) or "Tax ID"
        return {"label": label, "value": self._text(tax_id.value, _MAX_LINE)}

    def _text(self, text: str, length: int) -> str:
        # What is cut off anyway isn't looked at: cleaning costs time for each character.
        return self._finish(clipped(harmless(text[: 8 * length]), length))


def _pairs(pairs: list[tuple[str, str]]) -> list[dict[str, str]]:
    return [{"label": label, "value": value} for label, value in pairs]


def _money(nanos: int) -> str:
    """Dollars and cents with thousands apart; smaller parts of a unit price stay visible."""
    if nanos % NANOS_PER_CENT:
        return f"${format_usd(nanos)}"
    dollars, cents = divmod(nanos // NANOS_PER_CENT, 100)
    return f"${dollars:,}.{cents:02d}"


def _date(moment: datetime) -> str:
    return f"{_MONTHS[moment.month - 1]} {moment.day}, {moment.year}"


#: Not strftime: that speaks the language of the machine's locale.
_MONTHS: Final = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)


def _tax_name(seller_tax_ids: tuple[TaxId, ...]) -> str:
    names = (_by_suffix(_TAX_NAMES, tax_id.type) for tax_id in seller_tax_ids)
    return next((name for name in names if name), "Tax")


def _by_suffix(words: Mapping[str, str], tax_id_type: str) -> str | None:
    return next((word for end, word in words.items() if tax_id_type.endswith(end)), None)

"""The rule for who owes the tax: when an invoice carries none because the buyer accounts for it."""

from __future__ import annotations

from typing import Final

from chalicelib.domain.billing import Address, BillingDetails, TaxId
from chalicelib.domain.invoice import TaxTreatment

#: What is printed unless the configuration says otherwise. Its first two words are those that
#: Art. 226 (11a) of Directive 2006/112/EC asks for; the rest is true outside the EU, too.
DEFAULT_REVERSE_CHARGE_NOTE: Final = "Reverse charge: the recipient accounts for the tax."

EU_COUNTRIES: Final = frozenset(
    "AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK".split()  # noqa: SIM905
)

#: Kinds of tax ID, as Stripe's types end, that a business has because it accounts for VAT or GST.
#: Others, such as company or personal numbers, prove no such thing.
_ACCOUNTABLE_SUFFIXES: Final = ("_vat", "_gst", "_gst_hst", "_abn", "_trn")

#: VAT prefixes that differ from the country's ISO code.
_VAT_PREFIX_COUNTRIES: Final = {"EL": "GR"}


def tax_id_country(tax_id: TaxId) -> str | None:
    """The country that issued a tax ID: by its value's prefix in the EU, else by its type's."""
    if tax_id.type in {"eu_vat", "eu_oss_vat"}:
        prefix = tax_id.value[:2].upper()
        country = _VAT_PREFIX_COUNTRIES.get(prefix, prefix)
        return country if country in EU_COUNTRIES else None
    prefix = tax_id.type.partition("_")[0].upper()
    return prefix if len(prefix) == 2 and prefix != "EU" else None  # noqa: PLR2004


def buyer_accounts_for_tax(*, seller: Address, buyer: BillingDetails) -> bool:
    """Whether the reverse charge applies to a service sold across a border.

    It does for a buyer in another country than the seller's who shows a VAT or GST number of his
    own country. Whether that number is real is not asked here: Stripe verifies it.
    """
    country = buyer.address.country
    tax_id = buyer.tax_id
    return (
        tax_id is not None
        and country != seller.country
        and tax_id.type != "eu_oss_vat"
        and tax_id.type.endswith(_ACCOUNTABLE_SUFFIXES)
        and tax_id_country(tax_id) == country
    )


def tax_treatment_for(
    *, seller: Address, buyer: BillingDetails, tax_rate_percent: str
) -> TaxTreatment:
    """How an amount is treated: taxed where there is a rate, else by the buyer's tax ID."""
    if tax_rate_percent != "0":
        return TaxTreatment.TAXED
    if buyer_accounts_for_tax(seller=seller, buyer=buyer):
        return TaxTreatment.REVERSE_CHARGE
    return TaxTreatment.NOT_COLLECTED

"""The simple, fixed tax rates that this small Stripe knows: one per country, in per mille."""

from __future__ import annotations

from dataclasses import dataclass

#: Standard rates of the EU, in per mille.
EU = {
    "AT": 200, "BE": 210, "BG": 200, "CY": 190, "CZ": 210, "DE": 190, "DK": 250, "EE": 240,
    "ES": 210, "FI": 255, "FR": 200, "GR": 240, "HR": 250, "HU": 270, "IE": 230, "IT": 220,
    "LT": 210, "LU": 170, "LV": 210, "MT": 180, "NL": 210, "PL": 230, "PT": 230, "RO": 210,
    "SE": 250, "SI": 220, "SK": 230,
}  # fmt: skip

_VAT_ELSEWHERE = {"CH": 81, "GB": 200, "NO": 250, "ZA": 150}
_GST = {"AU": 100, "CA": 50, "IN": 180, "NZ": 150, "SG": 90}


@dataclass(frozen=True, slots=True, kw_only=True)
class Treatment:
    """How a sale is taxed: the rate in per mille, Stripe's name for the tax, and why."""

    per_mille: int
    tax_type: str | None
    reason: str

    @property
    def percentage(self) -> str:
        """The rate in percent, as Stripe writes decimals."""
        return f"{self.per_mille // 10}.{self.per_mille % 10}"

    def tax_on(self, amount: int, *, inclusive: bool) -> int:
        """The tax on an amount, or within it, in the same unit, rounded half up."""
        if inclusive:
            net = (amount * 2_000 + 1_000 + self.per_mille) // (2 * (1_000 + self.per_mille))
            return amount - net
        return (amount * self.per_mille + 500) // 1_000


def treatment(
    country: str, *, seller_country: str, tax_id_types: set[str], override: str
) -> Treatment:
    """How a sale to this buyer is taxed; `override` is Stripe's `taxability_override`."""
    rate, tax_type = _rate(country)
    if rate is None:
        return Treatment(per_mille=0, tax_type=None, reason="not_collecting")
    business = "eu_vat" in tax_id_types and country in EU and country != seller_country
    if override == "reverse_charge" or (override == "none" and business):
        return Treatment(per_mille=0, tax_type=tax_type, reason="reverse_charge")
    if override == "customer_exempt":
        return Treatment(per_mille=0, tax_type=tax_type, reason="customer_exempt")
    return Treatment(per_mille=rate, tax_type=tax_type, reason="standard_rated")


def _rate(country: str) -> tuple[int | None, str | None]:
    if country in EU or country in _VAT_ELSEWHERE:
        return (EU | _VAT_ELSEWHERE)[country], "vat"
    if country in _GST:
        return _GST[country], "gst"
    if country == "JP":
        return 100, "jct"
    return None, None

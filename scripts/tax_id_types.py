"""Writes templates/tax-id-types.json from the pinned Stripe version: `make tax-id-types`.

Which types there are is Stripe's list; names of countries are the Unicode CLDR's, by way of Babel;
labels and examples are python-stdnum's where it knows the format, else those below.
"""

from __future__ import annotations

import importlib
import json
import re
import typing
from pathlib import Path
from typing import Any

from babel import Locale
from stripe.params import CustomerTaxIdCreateParams

from chalicelib.adapters.tax_ids import FORMATS
from chalicelib.domain.invoice_tax import EU_COUNTRIES

TARGET = Path(__file__).resolve().parent.parent / "templates" / "tax-id-types.json"

#: Territories that tax law knows and the CLDR doesn't list among countries.
_NAMES = {"IC": "Canary Islands", "EU": "European Union"}

#: Where a European VAT number begins otherwise than the country's code, or is better known.
_EU_EXAMPLES = {
    "AT": "ATU12345675", "BE": "BE0428759497", "BG": "BG175074752", "CY": "CY10259033P",
    "CZ": "CZ25123891", "DE": "DE136695976", "DK": "DK13585628", "EE": "EE100931558",
    "ES": "ESA13585625", "FI": "FI20774740", "FR": "FR40303265045", "GR": "EL094259216",
    "HR": "HR33392005961", "HU": "HU12892312", "IE": "IE6433435F", "IT": "IT00743110157",
    "LT": "LT119511515", "LU": "LU15027442", "LV": "LV40003521600", "MT": "MT11679112",
    "NL": "NL004495445B01", "PL": "PL8567346215", "PT": "PT501964843", "RO": "RO18547290",
    "SE": "SE123456789701", "SI": "SI50223054", "SK": "SK2022749619",
}  # fmt: skip

#: Formats that python-stdnum doesn't check: a label, and an example as the authority writes it.
_OTHERS = {
    "ae_trn": ("Tax Registration Number", "123456789012345"),
    "am_tin": ("Tax Identification Number", "02538904"),
    "ao_tin": ("Número de Identificação Fiscal", "5123456789"),
    "au_arn": ("Australian Taxation Office Reference Number", "123456789123"),
    "au_wpn": ("Withholding Payer Number", "123456789"),
    "aw_tin": ("Tax Identification Number", "12345678"),
    "ba_tin": ("Tax Identification Number", "123456789012"),
    "bb_tin": ("Tax Identification Number", "1123456789012"),
    "bd_bin": ("Business Identification Number", "123456789-0123"),
    "bf_ifu": ("Identifiant Financier Unique", "12345678A"),
    "bg_uic": ("Unified Identification Code", "123456789"),
    "bh_vat": ("VAT Account Number", "123456789012345"),
    "bj_ifu": ("Identifiant Fiscal Unique", "1234567890123"),
    "bo_tin": ("Número de Identificación Tributaria", "123456789"),
    "bs_tin": ("Tax Identification Number", "123456789"),
    "bw_vat": ("VAT Registration Number", "C12345601112"),
    "ca_pst_bc": ("Provincial Sales Tax, British Columbia", "PST-1234-5678"),
    "ca_pst_mb": ("Provincial Sales Tax, Manitoba", "123456-7"),
    "ca_pst_sk": ("Provincial Sales Tax, Saskatchewan", "1234567"),
    "ca_qst": ("Quebec Sales Tax", "1234567890TQ1234"),
    "cd_nif": ("Numéro d'Identification Fiscale", "A0123456M"),
    "ci_vat": ("Numéro de Compte Contribuable", "1234567A"),
    "cm_niu": ("Numéro d'Identifiant Unique", "M123456789000L"),
    "cn_tin": ("Unified Social Credit Code", "91110000600037341L"),
    "cr_tin": ("Cédula Jurídica", "1-234-567890"),
    "cv_nif": ("Número de Identificação Fiscal", "213456789"),
    "do_rcn": ("Registro Nacional del Contribuyente", "123-4567890-1"),
    "et_tin": ("Tax Identification Number", "1234567890"),
    "fr_spi": ("Numéro SPI", "0123456789012"),
    "ge_vat": ("VAT Number", "123456789"),
    "gi_tin": ("Tax Identification Number", "123456"),
    "hk_br": ("Business Registration Number", "12345678"),
    "hu_tin": ("Adószám", "12345678-1-23"),
    "ic_nif": ("Número de Identificación Fiscal", "A12345674"),
    "il_vat": ("VAT Number", "000012345"),
    "jp_rn": ("Registered Country Number", "12345"),
    "jp_trn": ("Qualified Invoice Issuer Number", "T1234567891234"),
    "kg_tin": ("Tax Identification Number", "12345678901234"),
    "kh_tin": ("Tax Identification Number", "1001-123456789"),
    "kz_bin": ("Business Identification Number", "123456789012"),
    "la_tin": ("Tax Identification Number", "123456789-000"),
    "li_uid": ("UID Number", "CHE123456788"),
    "li_vat": ("VAT Number", "12345"),
    "lk_vat": ("VAT Number", "123456789-7000"),
    "ma_vat": ("Identifiant Fiscal", "12345678"),
    "md_cf": ("Cod Fiscal", "1003600012345"),
    "md_vat": ("Cod TVA", "1234567"),
    "mr_nif": ("Numéro d'Identification Fiscale", "12345678"),
    "mu_vat": ("VAT Registration Number", "VAT27654321"),
    "my_frp": ("FRP Number", "12345678"),
    "my_itn": ("Income Tax Number", "C 1234567890"),
    "my_sst": ("Sales and Service Tax Number", "A12-3456-78912345"),
    "ng_tin": ("Tax Identification Number", "12345678-0001"),
    "no_voec": ("VAT on E-Commerce Number", "1234567"),
    "np_pan": ("Permanent Account Number", "123456789"),
    "nz_bn": ("New Zealand Business Number", "9429041234567"),
    "om_vat": ("VAT Number", "OM1234567890"),
    "ph_tin": ("Tax Identification Number", "123456789012"),
    "ru_kpp": ("KPP", "123456789"),
    "sa_vat": ("VAT Number", "123456789012345"),
    "sg_gst": ("GST Registration Number", "M12345678X"),
    "sr_fin": ("Fiscaal Identificatie Nummer", "1234567890"),
    "tj_tin": ("Tax Identification Number", "123456789"),
    "tt_bir": ("Board of Inland Revenue Number", "123456789"),
    "tt_vat": ("VAT Registration Number", "123456"),
    "tz_vat": ("VAT Registration Number", "12345678A"),
    "ua_vat": ("VAT Number", "123456789"),
    "ug_tin": ("Tax Identification Number", "1014751879"),
    "uz_tin": ("Tax Identification Number", "123456789"),
    "uz_vat": ("VAT Number", "123456789012"),
    "za_vat": ("VAT Number", "4123456789"),
    "zm_tin": ("Tax Identification Number", "1004751879"),
    "zw_tin": ("Tax Identification Number", "1234567890"),
}

#: Where the module's own words are not how people call or write the number.
_LABELS = {
    "by_tin": "UNP",
    "ch_vat": "MWST, TVA, IVA",
    "de_stn": "Steuernummer",
    "jp_cn": "Corporate Number",
    "mk_vat": "EDB",
    "no_vat": "MVA-nummer",
    "ru_inn": "INN",
    "si_tin": "Davčna številka",
}
_EXAMPLES = {"ca_gst_hst": "123026635RT0001", "ch_vat": "CHE-107.787.577 MWST"}


def stripe_types() -> list[str]:
    """Every type that the pinned Stripe version takes for a customer."""
    hint = typing.get_type_hints(CustomerTaxIdCreateParams)["type"]
    literal = next(a for a in typing.get_args(hint) if typing.get_origin(a) is typing.Literal)
    return sorted(typing.get_args(literal))


def rows() -> list[dict[str, str]]:
    """A row per country and type, by the country's name."""
    found = []
    for kind in stripe_types():
        countries = sorted(EU_COUNTRIES) if kind == "eu_vat" else [kind.partition("_")[0].upper()]
        for country in countries:
            label, example = _described(kind, country)
            found.append(
                {
                    "country": country,
                    "country_name": _country_name(country),
                    "type": kind,
                    "label": label,
                    "example": example,
                }
            )
    return sorted(found, key=lambda row: (row["country_name"], row["type"]))


def _described(kind: str, country: str) -> tuple[str, str]:
    if kind == "eu_vat":
        return "VAT Number", _EU_EXAMPLES[country]
    if kind == "eu_oss_vat":
        return "One Stop Shop VAT Number", "EU372022452"
    if kind in _OTHERS:
        return _OTHERS[kind]
    module: Any = importlib.import_module(f"stdnum.{FORMATS[kind]}")
    documentation = module.__doc__ or ""
    label = documentation.strip().partition("\n")[0].rstrip(".")
    named = re.fullmatch(r"(?P<short>[^(]+?)\s*(?:\((?P<long>.+)\))?", label)
    if named is None:
        raise LookupError(f"{kind} needs a label")
    return _LABELS.get(kind, named["short"]), _EXAMPLES.get(kind) or _example(
        kind, module, documentation
    )


def _example(kind: str, module: Any, documentation: str) -> str:
    """The first number of the module's own examples that it takes for valid."""
    for number in re.findall(r"'([^']{5,})'", documentation):
        if module.is_valid(number):
            return str(number).strip()
    raise LookupError(f"{kind} needs an example")


def _country_name(country: str) -> str:
    return _NAMES.get(country) or str(Locale("en").territories[country])


if __name__ == "__main__":
    text = json.dumps(rows(), ensure_ascii=False, indent=1)
    TARGET.write_text(text + "\n", encoding="utf-8")

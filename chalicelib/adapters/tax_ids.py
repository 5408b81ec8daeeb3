"""The TaxIds port: Stripe's list of types, as `make tax-id-types` wrote it, and their formats."""

from __future__ import annotations

import importlib
import json
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

#: The module that checks a type. A type isn't here where authorities write it in more ways than
#: the module takes: it is better to accept a wrong number than to refuse a right one.
FORMATS = {
    "ad_nrt": "ad.nrt",
    "al_tin": "al.nipt",
    "ar_cuit": "ar.cuit",
    "au_abn": "au.abn",
    "au_acn": "au.acn",
    "az_tin": "az.voen",
    "br_cnpj": "br.cnpj",
    "br_cpf": "br.cpf",
    "by_tin": "by.unp",
    "ca_bn": "ca.bn",
    "ca_gst_hst": "ca.bn",
    "ch_uid": "ch.uid",
    "ch_vat": "ch.vat",
    "cl_tin": "cl.rut",
    "co_nit": "co.nit",
    "cz_dic": "cz.dic",
    "de_stn": "de.stnr",
    "ec_ruc": "ec.ruc",
    "eg_tin": "eg.tn",
    "es_cif": "es.nif",
    "eu_oss_vat": "eu.oss",
    "eu_vat": "eu.vat",
    "fo_vat": "fo.vn",
    "fr_siren": "fr.siren",
    "fr_siret": "fr.siret",
    "gb_vat": "gb.vat",
    "gh_tin": "gh.tin",
    "gn_nif": "gn.nifp",
    "hr_oib": "hr.oib",
    "id_npwp": "id.npwp",
    "in_gst": "in_.gstin",
    "is_kt": "is_.kennitala",
    "is_vat": "is_.vsk",
    "it_cf": "it.codicefiscale",
    "jp_cn": "jp.cn",
    "ke_pin": "ke.pin",
    "kr_brn": "kr.brn",
    "me_pib": "me.pib",
    "mk_vat": "mk.edb",
    "mx_rfc": "mx.rfc",
    "mz_nuit": "mz.nuit",
    "no_vat": "no.mva",
    "nz_gst": "nz.ird",
    "pe_ruc": "pe.ruc",
    "pl_nip": "pl.nip",
    "pt_nif": "pt.nif",
    "py_ruc": "py.ruc",
    "ro_tin": "ro.cf",
    "rs_pib": "rs.pib",
    "ru_inn": "ru.inn",
    "sg_uen": "sg.uen",
    "si_tin": "si.ddv",
    "sm_coe": "sm.coe",
    "sn_ninea": "sn.ninea",
    "sv_nit": "sv.nit",
    "th_vat": "th.tin",
    "tr_tin": "tr.vkn",
    "tw_vat": "tw.ubn",
    "us_ein": "us.ein",
    "uy_ruc": "uy.rut",
    "ve_rif": "ve.rif",
    "vn_tin": "vn.mst",
}


class ListedTaxIds:
    """The TaxIds port."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def rows(self) -> Sequence[Mapping[str, str]]:
        """See the port."""
        return self._rows

    def listed(self, kind: str) -> bool:
        """See the port."""
        return any(row["type"] == kind for row in self._rows)

    def well_formed(self, kind: str, value: str) -> bool:
        """See the port; formats and check digits are python-stdnum's."""
        if kind not in FORMATS:
            return True
        module: Any = importlib.import_module(f"stdnum.{FORMATS[kind]}")
        return bool(module.is_valid(value))

    @cached_property
    def _rows(self) -> list[dict[str, str]]:
        rows: list[dict[str, str]] = json.loads(self._file.read_text(encoding="utf-8"))
        return rows

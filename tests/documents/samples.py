"""Invoices to make documents of: one seller, and buyers from all over the world."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from chalicelib.domain.billing import Address, BillingDetails, TaxId
from chalicelib.domain.invoice import CardPayment, Invoice, InvoiceLine, Seller
from chalicelib.domain.invoicing import credit_note_for_refund, invoice_for_purchase
from chalicelib.domain.money import NANOS_PER_USD
from chalicelib.domain.purchase import PurchaseType

TEMPLATES = Path(__file__).parents[2] / "templates"

MOMENT = datetime(2026, 11, 23, 10, 5, 7, tzinfo=UTC)

#: A mark and a word as shapes, as a logo should be: no text, so no font is needed.
LOGO = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 120 32">
<rect width="32" height="32" rx="8" fill="#4338ca"/>
<path d="M8 20.5 13.5 12l5 7.5L24 10.5" stroke="#fff" stroke-width="3" fill="none"
 stroke-linecap="round" stroke-linejoin="round"/>
<g fill="none" stroke="#14161a" stroke-width="2.6" stroke-linecap="round" stroke-linejoin="round">
<path d="M44 24V12M44 17c0-3 2-5 5-5"/>
<path d="M53 18h9c0-3.500-2-6-4.500-6S53 14.500 53 18s2 6 4.800 6c1.700 0 3-.8 3.700-2"/>
<path d="M67 7v14c0 2 1 3 3 3"/>
<path d="M83 12v12M83 18c0-3.500-2-6-4.700-6S74 14.500 74 18s1.800 6 4.300 6 4.700-2.500 4.700-6"/>
<path d="M88 12l4.500 11.500M97 12l-5 13c-.8 2.200-1.800 3.500-4 3.500"/>
</g></svg>"""

SELLER = Seller(
    name="Relay Gateway GmbH",
    address=Address(line1="Torstraße 140", city="Berlin", postal_code="10119", country="DE"),
    tax_ids=(TaxId(type="eu_vat", value="DE298765432"),),
    email="billing@relay.example",
    website="relay.example",
    logo_svg=LOGO,
    footer="Amtsgericht Charlottenburg HRB 198765 B · Managing directors: Ada Byron, Kurt Gödel",
)

GERMAN = BillingDetails(
    name="Müller & Söhne Präzisionswerkzeuge GmbH",
    address=Address(
        line1="Königsallee 27", line2="3. OG", city="Düsseldorf", postal_code="40212", country="DE"
    ),
    email="rechnung@mueller-soehne.example",
    tax_id=TaxId(type="eu_vat", value="DE123456789"),
)
AMERICAN = BillingDetails(
    name="Northwind Labs, Inc.",
    address=Address(
        line1="548 Market Street",
        line2="Suite 410",
        city="San Francisco",
        state="CA",
        postal_code="94104",
        country="US",
    ),
    email="ap@northwind.example",
    tax_id=TaxId(type="us_ein", value="12-3456789"),
)
FRENCH = BillingDetails(
    name="Société d'Études Aérospatiales SARL",
    address=Address(line1="12 rue de l'Église", city="Paris", postal_code="75005", country="FR"),
    tax_id=TaxId(type="eu_vat", value="FR83404833048"),
)
LONG = BillingDetails(
    name="Gesellschaft zur Förderung der wissenschaftlichen Zusammenarbeit auf dem Gebiete der"
    " Rindfleischetikettierungsüberwachungsaufgabenübertragung mbH & Co. KG aA",
    address=Address(
        line1="Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtenweg 1234567",
        line2="Gebäude C, Aufgang 4, 11. Obergeschoss links, zu Händen der Kreditorenbuchhaltung",
        city="Llanfairpwllgwyngyllgogerychwyrndrobwllllantysiliogogogoch",
        state="Ynys Môn",
        postal_code="LL61 5UJ",
        country="GB",
    ),
    email="kreditorenbuchhaltung.rechnungseingang@rindfleischetikettierungsueberwachung.example",
    tax_id=TaxId(type="gb_vat", value="GB980780684"),
)
ARABIC = BillingDetails(
    name="شركة الخليج للتقنيات المتقدمة (ذ.م.م.)",
    address=Address(
        line1="شارع الشيخ زايد 125",
        line2="برج الأعمال، الطابق 14",
        city="دبي",
        postal_code="",
        country="AE",
    ),
    email="billing@khaleej.example",
    tax_id=TaxId(type="ae_trn", value="100123456700003"),
)
CHINESE = BillingDetails(
    name="深圳市云帆智能科技有限公司",
    address=Address(
        line1="南山区科技园南区高新南一道 8 号",
        line2="创维大厦 A 座 1203 室",
        city="深圳市",
        state="广东省",
        postal_code="518057",
        country="CN",
    ),
    email="caiwu@yunfan.example",
    tax_id=TaxId(type="cn_tin", value="91440300MA5EXAMPLE"),
)


def invoice_for(
    buyer: BillingDetails,
    *,
    seller: Seller = SELLER,
    number: str = "2026-000123",
    net: int = 50,
    tax_cents: int = 0,
    tax_rate_percent: str = "0",
    tax_note: str | None = None,
    purchase_type: PurchaseType = PurchaseType.PURCHASE,
) -> Invoice:
    """An invoice over `net` dollars of credits."""
    return invoice_for_purchase(
        number=number,
        organization_id="acme",
        purchase_id="pur_01KAR3M9QWERTYUIOPASDFGHJK",
        purchase_type=purchase_type,
        transaction_id="pi_3SWe2LK9d8fGh4Jk1QaZxSw2",
        issued_at=MOMENT,
        supplied_at=MOMENT,
        seller=seller,
        buyer=buyer,
        net_nanos=net * NANOS_PER_USD,
        tax_nanos=tax_cents * NANOS_PER_USD // 100,
        tax_rate_percent=tax_rate_percent,
        tax_note=tax_note,
        payment=CardPayment(brand="visa", last4="4242", paid_at=MOMENT),
    )


def of_many_lines(invoice: Invoice, count: int) -> Invoice:
    """The same invoice with `count` lines of one dollar."""
    line = InvoiceLine(
        description="AI gateway credits",
        quantity=1,
        unit_net_nanos=NANOS_PER_USD,
        net_nanos=NANOS_PER_USD,
    )
    net_nanos = count * NANOS_PER_USD
    return replace(
        invoice,
        lines=tuple(replace(line, description=f"Credits, part {n + 1}") for n in range(count)),
        net_nanos=net_nanos,
        tax_nanos=0,
        tax_rate_percent="0",
        tax_treatment=invoice_for(invoice.buyer).tax_treatment,
        total_nanos=net_nanos,
    )


def domestic() -> Invoice:
    return invoice_for(GERMAN, tax_cents=950, tax_rate_percent="19")


def credit_note() -> Invoice:
    return credit_note_for_refund(
        invoice=domestic(),
        number="2026-000131",
        issued_at=datetime(2026, 11, 27, 16, 40, tzinfo=UTC),
        refunded_at=datetime(2026, 11, 27, 16, 40, tzinfo=UTC),
        transaction_id="re_3SWe2LK9d8fGh4Jk1mNbVcXz",
        refund_nanos=20 * NANOS_PER_USD,
        reason="Credits bought twice by mistake",
    )


#: The six that are looked at, and kept as pictures.
GALLERY: dict[str, Invoice] = {
    "a4": domestic(),
    "letter": invoice_for(
        AMERICAN, net=1250, purchase_type=PurchaseType.AUTO_TOP_UP, number="2026-000124"
    ),
    "long-names": invoice_for(LONG, number="2026-000125"),
    "arabic": invoice_for(ARABIC, number="2026-000126"),
    "chinese": invoice_for(CHINESE, number="2026-000127"),
    "credit-note": credit_note(),
}

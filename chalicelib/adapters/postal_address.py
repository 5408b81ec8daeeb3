"""How an address is written in the country it is in: the order of postal code, city and state."""

from __future__ import annotations

from typing import Final

from chalicelib.domain.billing import Address

#: "75001 Paris": the code stands before the city.
_CODE_FIRST: Final = frozenset(
    "AD AM AT BA BE BG CH CY CZ DE DK DZ EE ES FI FO FR GL GR HR HU IL IS IT KW LI LT LU LV MA MC"  # noqa: SIM905
    " MD ME MK MX MY NC NL NO PF PL PT RE RO RS SE SI SK SM SN TN TR UY VA XK".split()
)
#: "London", and the code on a line of its own.
_CODE_BELOW: Final = frozenset({"GB", "GG", "IE", "IM", "JE", "KE", "LK", "ZA"})


def address_lines(address: Address, *, country_name: str) -> list[str]:
    """The address's lines in their order, the country last; empty parts leave no gap."""
    code = address.postal_code or ""
    state = address.state or ""
    if address.country in _CODE_FIRST:
        town = [f"{code} {address.city}", state]
    elif address.country in _CODE_BELOW:
        town = [address.city, state, code]
    else:
        region = f"{state} {code}".strip()
        town = [f"{address.city}, {region}" if region else address.city]
    lines = [address.line1, address.line2 or "", *town, country_name]
    return [line.strip() for line in lines if line.strip()]

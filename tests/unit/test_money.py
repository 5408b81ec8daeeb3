"""Money: exact, in one spelling per amount, and never rounded but where it says so."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.money import (
    MAX_NANOS,
    NANOS_PER_CENT,
    NANOS_PER_USD,
    cents_to_nanos,
    format_usd,
    nanos_to_cents,
    parse_usd,
    round_up_to_nanos,
    share_cents,
)

NANOS = st.integers(min_value=-MAX_NANOS, max_value=MAX_NANOS)


@pytest.mark.parametrize(
    ("nanos", "text"),
    [
        (0, "0.00"),
        (1, "0.000000001"),
        (375, "0.000000375"),
        (10_000_000, "0.01"),
        (100_000_000, "0.10"),
        (50_000_000_000, "50.00"),
        (12_500_000, "0.0125"),
        (-1, "-0.000000001"),
        (-1_500_000_000, "-1.50"),
        (MAX_NANOS, "1000000000000.00"),
        (MAX_NANOS - 1, "999999999999.999999999"),
    ],
)
def test_an_amount_has_two_decimals_and_as_many_more_as_it_needs(nanos: int, text: str) -> None:
    assert format_usd(nanos) == text
    assert parse_usd(text, signed=True) == nanos


@given(nanos=NANOS)
def test_what_is_written_is_read_as_it_was(nanos: int) -> None:
    text = format_usd(nanos)
    assert parse_usd(text, signed=True) == nanos
    assert Decimal(text) * NANOS_PER_USD == nanos


@given(nanos=st.integers(min_value=0, max_value=MAX_NANOS), zeros=st.integers(0, 9))
def test_zeros_at_the_end_change_nothing(nanos: int, zeros: int) -> None:
    text = (format_usd(nanos) + "0" * zeros)[: format_usd(nanos).index(".") + 10]
    assert parse_usd(text) == nanos


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "5", "5.", ".5", "-", "-.5", "+5.00", "--5.00", "05.00", "00.00", "5,00", "5.0.0",
        " 5.00", "5.00 ", "5.00\n", "\t5.00", "5 .00", "5_0.00", "1e3", "1.0e3", "1E3", "0x5.00",
        "NaN", "nan", "sNaN", "Infinity", "-Infinity", "inf", "five", "5.00$", "$5.00", "5.00USD",
        "5.0000000000", "1.1234567890", "10000000000000.00", "1000000000000.01",
        "1000000000000.000000001", "٥.٠٠", "５.００", "5．00", "5.00\u200b", "−5.00", "5.00\x00",  # noqa: RUF001
        "9" * 1_000_000, "0." + "9" * 1_000_000, "9" * 1_000_000 + ".00",
    ],
)  # fmt: skip
def test_what_is_not_plainly_an_amount_is_refused(text: str) -> None:
    for signed in (False, True):
        with pytest.raises(ValueError, match=r"^(must|is too)") as refused:
            parse_usd(text, signed=signed)
        assert len(str(refused.value)) < 100, "what was sent isn't repeated"


@pytest.mark.parametrize("value", [5, 5.0, True, None, Decimal("5.00"), b"5.00", ["5.00"], {}])
def test_what_is_not_text_is_no_amount(value: object) -> None:
    with pytest.raises(ValueError, match="must be a string"):
        parse_usd(value)


@given(text=st.text(max_size=20))
def test_any_text_is_an_exact_amount_or_refused(text: str) -> None:
    try:
        nanos = parse_usd(text, signed=True)
    except ValueError:
        return
    assert Decimal(text) * NANOS_PER_USD == nanos
    assert -MAX_NANOS <= nanos <= MAX_NANOS


@pytest.mark.parametrize("text", ["-5.00", "-0.000000001", "-0.00"])
def test_a_minus_is_taken_only_where_it_makes_sense(text: str) -> None:
    with pytest.raises(ValueError, match="negative"):
        parse_usd(text)
    assert parse_usd(text, signed=True) <= 0


@given(cents=st.integers(-(10**10), 10**10))
def test_cents_are_nanos_and_back(cents: int) -> None:
    assert nanos_to_cents(cents_to_nanos(cents)) == cents


@given(nanos=NANOS.filter(lambda nanos: nanos % NANOS_PER_CENT != 0))
def test_a_part_of_a_cent_is_never_charged(nanos: int) -> None:
    with pytest.raises(ValueError, match="whole cents"):
        nanos_to_cents(nanos)


@pytest.mark.parametrize(
    ("usd", "nanos"),
    [
        ("0", 0),
        ("0.000000001", 1),
        ("0.0000000001", 1),
        ("0.0000000010000000000000000000000000001", 2),
        ("1.9999999999", 2_000_000_000),
        ("123456789012.123456789", 123_456_789_012_123_456_789),
    ],
)
def test_a_price_is_rounded_up_so_that_nothing_used_is_free(usd: str, nanos: int) -> None:
    assert round_up_to_nanos(Decimal(usd)) == nanos


@given(
    price=st.decimals(min_value=0, max_value=1000, places=18),
    tokens=st.integers(min_value=0, max_value=10**12),
)
def test_a_price_is_rounded_by_less_than_a_nano(price: Decimal, tokens: int) -> None:
    from fractions import Fraction

    exact = Fraction(price) * tokens * NANOS_PER_USD
    from decimal import localcontext

    with localcontext() as context:
        context.prec = 60
        rounded = round_up_to_nanos(price * tokens)
    assert 0 <= rounded - exact < 1


@given(
    whole=st.integers(1, 10**8),
    tax=st.integers(0, 10**7),
    cuts=st.lists(st.integers(1, 10**8), max_size=6),
)
def test_the_shares_of_parts_add_up_to_the_share_of_the_whole(
    whole: int, tax: int, cuts: list[int]
) -> None:
    of_cents = min(tax, whole)
    ends = sorted({min(cut, whole) for cut in cuts} | {whole})
    shares = [share_cents(end, of_cents=of_cents, whole_cents=whole) for end in ends]
    assert shares[-1] == of_cents
    assert shares == sorted(shares), "no part has a share below zero"
    assert all(share <= end for share, end in zip(shares, ends, strict=True))

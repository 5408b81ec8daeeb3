"""Sets of numbers kept as runs, against Python's own sets."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.number_ranges import NumberRanges

some_numbers = st.sets(st.integers(0, 40))


@given(some_numbers, some_numbers)
def test_the_runs_hold_just_the_numbers_that_were_added(first: set[int], second: set[int]) -> None:
    ranges = NumberRanges().with_numbers(first).with_numbers(second)
    assert {number for number in range(-1, 42) if number in ranges} == first | second
    assert ranges == NumberRanges().with_numbers(first | second)


@given(some_numbers, some_numbers)
def test_joining_two_is_adding_the_numbers_of_one_to_the_other(
    first: set[int], second: set[int]
) -> None:
    joined = NumberRanges().with_numbers(first).joined(NumberRanges().with_numbers(second))
    assert joined == NumberRanges().with_numbers(first | second)


@given(st.sets(st.integers(0, 40), min_size=1))
def test_the_gaps_are_what_is_missing_between_the_ends(numbers: set[int]) -> None:
    ranges = NumberRanges().with_numbers(numbers)
    missing = {number for first, last in ranges.gaps() for number in range(first, last + 1)}
    assert missing == set(range(min(numbers), max(numbers) + 1)) - numbers
    assert (ranges.lowest, ranges.highest) == (min(numbers), max(numbers))


def test_runs_that_touch_are_one() -> None:
    assert NumberRanges().with_numbers([3, 1, 2, 5]).runs == ((1, 3), (5, 5))


def test_none_has_neither_ends_nor_gaps() -> None:
    empty = NumberRanges()
    assert (empty.lowest, empty.highest, empty.gaps()) == (None, None, ())


@pytest.mark.parametrize("other", ["1", None, 1.5])
def test_what_is_no_number_is_not_in_it(other: object) -> None:
    assert other not in NumberRanges(((1, 2),))

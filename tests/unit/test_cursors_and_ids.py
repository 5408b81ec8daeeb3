"""What callers hand back: cursors that can't be forged, ids that sort by time."""

from __future__ import annotations

import base64
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.adapters.ids import TimeOrderedIds, first_id_at
from chalicelib.api.cursors import make_cursor, read_cursor
from chalicelib.domain.errors import InvalidRequestError
from tests.fakes.outside import SequentialIds
from tests.fakes.values import NOW

SECRET = b"a secret"
#: From 2026 for a thousand years.
TIMES = st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=365_000)).map(NOW.__add__)
LITTLE = st.timedeltas(min_value=timedelta(milliseconds=2), max_value=timedelta(days=1))
BASE64 = st.binary(max_size=100).map(base64.urlsafe_b64encode).map(bytes.decode)


@given(after=st.text().filter(lambda text: text.isprintable()), name=st.text(max_size=20))
def test_a_cursor_is_read_as_it_was_made(after: str, name: str) -> None:
    cursor = make_cursor(SECRET, list_name=name, after=after)
    assert cursor.isascii()
    assert read_cursor([SECRET], list_name=name, cursor=cursor) == after


@pytest.mark.parametrize(
    ("secret", "name"),
    [(b"another secret", "ledger/a"), (SECRET, "ledger/b"), (SECRET, "ledger/"), (b"", "ledger/a")],
)
def test_a_cursor_is_good_for_its_list_and_its_maker_alone(secret: bytes, name: str) -> None:
    cursor = make_cursor(SECRET, list_name="ledger/a", after="ent_1")
    with pytest.raises(InvalidRequestError):
        read_cursor([secret], list_name=name, cursor=cursor)


@given(cursor=st.text(max_size=100) | BASE64)
def test_what_was_not_made_here_is_refused(cursor: str) -> None:
    with pytest.raises(InvalidRequestError):
        read_cursor([SECRET], list_name="ledger/a", cursor=cursor)


@given(bit=st.integers(0, 8 * 21 - 1))
def test_no_bit_of_a_cursor_can_be_changed(bit: int) -> None:
    cursor = make_cursor(SECRET, list_name="ledger/a", after="ent_1")
    content = bytearray(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    assert len(content) == 21
    content[bit // 8] ^= 1 << bit % 8
    forged = base64.urlsafe_b64encode(bytes(content)).rstrip(b"=").decode()
    with pytest.raises(InvalidRequestError):
        read_cursor([SECRET], list_name="ledger/a", cursor=forged)


def test_ids_are_never_given_twice() -> None:
    ids = TimeOrderedIds()
    assert len({ids.new("pur", NOW) for _ in range(10_000)}) == 10_000


@given(first=TIMES, later=LITTLE)
def test_ids_sort_by_the_millisecond_they_were_made_in(first: datetime, later: timedelta) -> None:
    for ids in (TimeOrderedIds(), SequentialIds()):
        assert ids.new("pur", first) < ids.new("pur", first + later)
        assert first_id_at("pur", first) <= ids.new("pur", first)
        assert ids.new("pur", first) < first_id_at("pur", first + later)


def test_an_id_says_what_it_names_and_fits_into_a_path() -> None:
    made = TimeOrderedIds().new("hold", NOW)
    assert made.startswith("hold_")
    assert made.replace("_", "").isalnum()
    assert len(made) < 64

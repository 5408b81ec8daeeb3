"""A month's invoices in one file: what is in it, what it is called, how it is made at length."""

from __future__ import annotations

import io
import zipfile
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chalicelib.domain.archive import Archive, month_bounds
from chalicelib.domain.errors import NotFoundError
from chalicelib.domain.numbering import IssuedInvoice
from chalicelib.domain.write import Outcome, Stale, Write
from chalicelib.usecases.archiving import Archiving
from tests.documents.samples import domestic
from tests.fakes.repositories import FakeLedger
from tests.fakes.store import Store
from tests.fakes.values import ORG
from tests.fakes.world import World

MONTH = "2026-11"


def world_with(count: int) -> World:
    """So many invoices of this month, a minute apart, the newest saved first; none has files."""
    world = World()
    issued = [
        IssuedInvoice.new(
            replace(
                domestic(),
                organization_id=ORG,
                number=f"2026-{number:06d}",
                issued_at=world.now + timedelta(minutes=number),
            )
        )
        for number in range(1, count + 1)
    ]
    for one in reversed(issued):
        world.ledger.commit(Write(organization_id=ORG, at=world.now, saves=(one,)))
    return world


def names_in(world: World, name: str) -> list[str]:
    content = world.documents.get(f"archives/{ORG}/{name}.zip")
    with zipfile.ZipFile(io.BytesIO(content)) as file:
        assert file.testzip() is None
        return file.namelist()


@pytest.mark.parametrize(
    ("month", "first", "after"),
    [
        ("2026-11", datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC)),
        ("2026-12", datetime(2026, 12, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)),
        ("2028-02", datetime(2028, 2, 1, tzinfo=UTC), datetime(2028, 3, 1, tzinfo=UTC)),
    ],
)
def test_a_month_is_from_its_first_moment_to_that_of_the_next(
    month: str, first: datetime, after: datetime
) -> None:
    assert month_bounds(month) == (first, after)


@pytest.mark.parametrize("text", ["2026-13", "2026-00", "2026-1", "2026-11-01", "november", ""])
def test_what_is_no_month_has_no_bounds(text: str) -> None:
    with pytest.raises(ValueError, match="must be a month"):
        month_bounds(text)


def test_an_archive_is_named_by_what_is_in_it_and_looked_after_until_it_is_stored() -> None:
    at = datetime(2026, 11, 23, tzinfo=UTC)
    invoices = [replace(domestic(), number=number) for number in ("2026-000007", "2026-000005")]
    archive = Archive.of(ORG, MONTH, invoices, now=at)
    assert (archive.organization_id, archive.month) == (ORG, MONTH)
    assert (archive.name, archive.total, archive.done) == ("2026-11-2-2026-000007", 2, 0)
    assert archive.file_name == "invoices-2026-11.zip"
    assert archive.check_at is not None
    wait = archive.check_at - at
    assert wait > timedelta(minutes=1)
    under_way = archive.progressed(1, now=at + wait)
    assert (under_way.done, under_way.check_at, under_way.version) == (1, at + 2 * wait, 2)
    stored = under_way.finished()
    assert (stored.done, stored.check_at, stored.version) == (2, None, 3)
    assert (archive.stored, under_way.stored, stored.stored) == (False, False, True)


def test_a_few_invoices_are_packed_at_once_in_their_order() -> None:
    world = world_with(3)
    link = world.app.archiving.request(ORG, MONTH, now=world.now)
    assert link.archive.stored
    assert link.expires_at == world.now + timedelta(seconds=300)
    path = f"archives/{ORG}/2026-11-3-2026-000003.zip"
    assert link.url == f"https://documents.invalid/{path}?as=invoices-2026-11.zip&seconds=300"
    assert world.documents.files[path].content_type == "application/zip"
    assert [name.split("2026-")[1][:6] for name in names_in(world, link.archive.name)] == [
        "000001",
        "000002",
        "000003",
    ]
    with zipfile.ZipFile(io.BytesIO(world.documents.get(path))) as file:
        for number, entry in enumerate(file.infolist(), start=1):
            assert entry.compress_type == zipfile.ZIP_DEFLATED
            issued_at = world.now + timedelta(minutes=number)
            assert entry.date_time == issued_at.timetuple()[:6]
            assert file.read(entry).startswith(b"%PDF-")
    assert not world.queue.messages


def test_the_same_archive_asked_for_again_is_the_one_that_there_is() -> None:
    world = world_with(2)
    first = world.app.archiving.request(ORG, MONTH, now=world.now)
    again = world.app.archiving.request(ORG, MONTH, now=world.now)
    assert again == first
    assert world.documents.refused == 0, "not even made again"


def test_a_month_without_invoices_has_no_archive() -> None:
    with pytest.raises(NotFoundError):
        world_with(1).app.archiving.request(ORG, "2026-10", now=World().now)


def test_many_invoices_are_packed_by_a_job_that_says_how_far_it_is() -> None:
    world = world_with(130)
    link = world.app.archiving.request(ORG, MONTH, now=world.now)
    assert (link.url, link.archive.stored, link.archive.total) == (None, False, 130)
    assert world.app.archiving.request(ORG, MONTH, now=world.now).archive == link.archive
    (message,) = world.queue.messages
    assert message.body["name"] == link.archive.name
    made = world.app.archiving.make(ORG, MONTH, link.archive.name, now=world.now)
    assert (made.done, made.check_at) == (130, None)
    assert made.version > 2, "it told of its progress"
    assert world.app.archiving.request(ORG, MONTH, now=world.now).archive == made
    assert len(names_in(world, made.name)) == 130
    assert world.app.archiving.make(ORG, MONTH, made.name, now=world.now) == made
    assert world.documents.refused == 0


def test_what_was_issued_after_the_request_is_in_the_next_archive() -> None:
    world = world_with(1)
    (issued,) = world.invoices.issued(
        ORG, since=month_bounds(MONTH)[0], until=month_bounds(MONTH)[1]
    )
    archive = Archive.of(ORG, MONTH, [issued.invoice], now=world.now)
    later = replace(issued.invoice, number="2026-000009", issued_at=world.now + timedelta(hours=1))
    write = Write(organization_id=ORG, at=world.now, saves=(archive, IssuedInvoice.new(later)))
    world.ledger.commit(write)
    world.app.archiving.make(ORG, MONTH, archive.name, now=world.now)
    assert len(names_in(world, archive.name)) == 1
    assert world.app.archiving.request(ORG, MONTH, now=world.now).archive.total == 2


def test_a_job_for_an_archive_that_nobody_asked_for_is_a_bug() -> None:
    with pytest.raises(LookupError, match="there is no archive x"):
        world_with(1).app.archiving.make(ORG, MONTH, "x", now=World().now)


@pytest.mark.parametrize(("count", "jobs"), [(20, 0), (21, 1)])
def test_up_to_twenty_invoices_are_not_waited_for(count: int, jobs: int) -> None:
    world = world_with(count)
    link = world.app.archiving.request(ORG, MONTH, now=world.now)
    assert (link.archive.stored, len(world.queue.messages)) == (not jobs, jobs)


@pytest.mark.parametrize(("count", "told"), [(24, []), (25, []), (26, [25]), (51, [25, 50])])
def test_progress_is_told_every_twenty_five_invoices_but_not_at_the_last(
    count: int, told: list[int]
) -> None:
    world = world_with(count)
    name = world.app.archiving.request(ORG, MONTH, now=world.now).archive.name
    recording = _Recording(world.store)
    archiving = replace(world.app.archiving, ledger=recording)
    archiving.make(ORG, MONTH, name, now=world.now)
    assert [archive.done for archive in recording.saved] == [*told, count]


def test_progress_is_told_when_so_many_are_packed(monkeypatch: pytest.MonkeyPatch) -> None:
    world = world_with(30)
    name = world.app.archiving.request(ORG, MONTH, now=world.now).archive.name
    recording = _Recording(world.store)
    packed: list[int] = []
    pack = Archiving._pack

    def noted(*given: Any, **how: Any) -> None:
        pack(*given, **how)
        packed.append(len(recording.saved))

    monkeypatch.setattr(Archiving, "_pack", noted)
    replace(world.app.archiving, ledger=recording).make(ORG, MONTH, name, now=world.now)
    assert packed == [0] * 25 + [1] * 5


def test_a_job_that_is_overtaken_goes_on_from_what_the_other_has_kept() -> None:
    world = world_with(60)
    name = world.app.archiving.request(ORG, MONTH, now=world.now).archive.name
    archiving = replace(world.app.archiving, ledger=_Recording(world.store, overtaken=1))
    archiving.make(ORG, MONTH, name, now=world.now)
    kept = world.ports.archives.get(ORG, name)
    assert kept is not None
    assert kept.stored


class _Recording(FakeLedger):
    """The Ledger port; it keeps the archives that were saved, and refuses so many writes first."""

    def __init__(self, store: Store, *, overtaken: int = 0) -> None:
        super().__init__(store)
        self.overtaken = overtaken
        self.saved: list[Archive] = []

    def commit(self, write: Write) -> Outcome:
        """See the port."""
        archives = [each for each in write.saves if isinstance(each, Archive)]
        if archives and self.overtaken:
            self.overtaken -= 1
            return Stale()
        self.saved += archives
        return super().commit(write)

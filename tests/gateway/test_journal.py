"""The journal: what it keeps when writers die, when the disk is full, and when files grow."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from devstack.settings import CHECKOUT
from gateway import journal_files
from gateway.journal import Journal, JournalError, MemoryJournals
from gateway.journal_files import JournalFolder


@pytest.fixture
def folder(tmp_path: Path) -> JournalFolder:
    return JournalFolder(tmp_path)


def only(folder: JournalFolder) -> Journal:
    (journal,) = folder.left_behind()
    return journal


@contextmanager
def disk_of(size_bytes: int) -> Iterator[None]:
    """Let no file of this process grow beyond the size."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_what_was_appended_is_there_after_reopening_in_order(folder: JournalFolder) -> None:
    journal = folder.open()
    journal.append("b", {"n": 1}, {"n": 2})
    journal.append("a", {"n": 3}, durable=True)
    journal.append("b", {"n": 4})
    journal.close()
    again = only(folder)
    assert list(again.records().items()) == [
        ("b", [{"n": 1}, {"n": 2}, {"n": 4}]),
        ("a", [{"n": 3}]),
    ]


def test_what_was_forgotten_is_not(folder: JournalFolder) -> None:
    journal = folder.open()
    journal.append("a", {"n": 1})
    journal.append("b", {"n": 2})
    journal.forget("a")
    journal.forget("never heard of")
    journal.close()
    assert only(folder).records() == {"b": [{"n": 2}]}


def test_a_journal_with_nothing_in_it_leaves_no_file(folder: JournalFolder, tmp_path: Path) -> None:
    journal = folder.open()
    journal.append("a", {"n": 1})
    journal.forget("a")
    journal.close()
    assert list(tmp_path.iterdir()) == []


def test_a_journal_in_use_is_nobody_elses(folder: JournalFolder) -> None:
    journal = folder.open()
    journal.append("a", {"n": 1})
    assert list(folder.left_behind()) == []
    journal.close()
    taken = only(folder)
    assert list(folder.left_behind()) == [], "taken over by this process"
    taken.close()


def test_the_journal_of_a_killed_process_can_be_taken_over(
    folder: JournalFolder, tmp_path: Path
) -> None:
    writer = (
        "import sys, time\n"
        "from pathlib import Path\n"
        "from gateway.journal_files import JournalFolder\n"
        "journal = JournalFolder(Path(sys.argv[1])).open()\n"
        "journal.append('a', {'n': 1})\n"
        "print('written', flush=True)\n"
        "time.sleep(60)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", writer, str(tmp_path)], cwd=CHECKOUT, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    with process.stdout:
        assert process.stdout.readline() == b"written\n"
    assert list(folder.left_behind()) == []
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert only(folder).records() == {"a": [{"n": 1}]}


def test_one_of_many_takes_a_journal_over(folder: JournalFolder) -> None:
    for number in range(5):
        journal = folder.open()
        journal.append(str(number), {})
        journal.close()
    taken: list[Journal] = []

    def take() -> None:
        taken.extend(folder.left_behind())

    threads = [threading.Thread(target=take) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(key for journal in taken for key in journal.records()) == list("01234")


@pytest.mark.parametrize("torn", [b'["a", {"n"', b"\0\0\0", b"["])
def test_a_line_that_was_being_written_is_dropped(
    folder: JournalFolder, tmp_path: Path, torn: bytes
) -> None:
    journal = folder.open()
    journal.append("a", {"n": 1})
    journal.close()
    (path,) = tmp_path.glob("*.journal")
    with path.open("ab") as file:
        file.write(torn)
    again = only(folder)
    again.append("a", {"n": 2})
    assert again.records() == {"a": [{"n": 1}, {"n": 2}]}


def test_a_spoiled_line_takes_no_other_with_it(
    folder: JournalFolder, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    journal = folder.open()
    journal.append("a", {"n": 1})
    journal.append("a", {"n": 2})
    journal.append("b", {"n": 3})
    journal.close()
    (path,) = tmp_path.glob("*.journal")
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(lines[0] + b"\0" * len(lines[1]) + b"\n" + b"7\n" + lines[2])
    assert only(folder).records() == {"a": [{"n": 1}], "b": [{"n": 3}]}
    assert "2 lines of a journal of usage can't be read" in caplog.text


def test_on_a_full_disk_what_was_kept_stays_and_half_a_record_does_not(
    folder: JournalFolder,
) -> None:
    journal = folder.open()
    journal.append("a", {"n": 1})
    with disk_of(200), pytest.raises(JournalError):
        journal.append("b", {"text": "x" * 1000})
    journal.append("b", {"n": 2})
    journal.close()
    assert only(folder).records() == {"a": [{"n": 1}], "b": [{"n": 2}]}


def test_a_journal_grows_with_what_it_keeps_not_with_what_it_kept(
    folder: JournalFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_files, "REWRITE_BYTES", 10_000)
    journal = folder.open()
    journal.append("kept", {"n": -1})
    for number in range(2000):
        journal.append(str(number), {"text": "x" * 50})
        if number >= 20:
            journal.forget(str(number - 20))
    journal.append("kept", {"n": -2})
    (path,) = tmp_path.glob("*.journal")
    assert path.stat().st_size < 20_000
    assert list(folder.left_behind()) == [], "it is still locked after it was written anew"
    journal.close()
    again = only(folder).records()
    assert again["kept"] == [{"n": -1}, {"n": -2}]
    assert set(again) == {"kept", *map(str, range(1980, 2000))}


def test_threads_write_whole_lines(folder: JournalFolder, tmp_path: Path) -> None:
    journal = folder.open()

    def write(name: int) -> None:
        for number in range(200):
            journal.append(f"{name}", {"n": number})

    threads = [threading.Thread(target=write, args=(name,)) for name in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert journal.records() == {str(n): [{"n": i} for i in range(200)] for n in range(8)}
    (path,) = tmp_path.glob("*.journal")
    assert all(json.loads(line) for line in path.read_text().splitlines())


def test_only_its_owner_can_read_a_journal(folder: JournalFolder, tmp_path: Path) -> None:
    folder.open()
    (path,) = tmp_path.glob("*.journal")
    assert path.stat().st_mode & 0o777 == 0o600
    assert os.access(path, os.R_OK)


def test_a_journal_in_memory_keeps_until_its_process_ends() -> None:
    journals = MemoryJournals()
    journal = journals.open()
    journal.append("a", {"n": 1})
    journal.append("a", {"n": 2}, durable=True)
    journal.append("b", {"n": 3})
    journal.forget("b")
    assert journal.records() == {"a": ({"n": 1}, {"n": 2})}
    journal.close()
    assert list(journals.left_behind()) == []

"""Journals as files of one folder, each locked by the process that writes it (POSIX only)."""

from __future__ import annotations

import fcntl
import json
import logging
import os
import threading
import uuid
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from gateway.journal import Journal, JournalError, Record

logger = logging.getLogger(__name__)

_SUFFIX = ".journal"
_NEW_SUFFIX = ".new"
#: A file is written anew, without what was forgotten, once that takes this much of it.
REWRITE_BYTES = 4 * 1024 * 1024


class JournalFolder:
    """The journals of all gateways of a machine; the folder must outlive their processes.

    Each process opens one of its own, after it was forked.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def open(self) -> Journal:
        """See Journals."""
        self._folder.mkdir(parents=True, exist_ok=True)
        return JournalFile.create(self._folder / f"{uuid.uuid4().hex}{_SUFFIX}")

    def left_behind(self) -> Iterator[Journal]:
        """See Journals."""
        for path in sorted(self._folder.glob(f"*{_SUFFIX}")):
            journal = JournalFile.take_over(path)
            if journal is not None:
                yield journal


class JournalFile:
    """A journal in one file: a JSON array [key, record] in each line, [key, null] to forget.

    The lock is the operating system's, and ends with the process, however that ends.
    """

    def __init__(self, path: Path, descriptor: int) -> None:
        self._path = path
        self._descriptor = descriptor
        self._lock = threading.Lock()
        content = path.read_bytes()
        self._size = content.rfind(b"\n") + 1
        if self._size < len(content):  # its writer died while it wrote the last line
            os.ftruncate(descriptor, self._size)
        self._live_bytes = {key: len(_text(key, kept)) for key, kept in _kept(content).items()}

    @classmethod
    def create(cls, path: Path) -> JournalFile:
        """A new one. It gets its name once it is locked, so that nobody takes it over."""
        new = path.with_suffix(_NEW_SUFFIX)
        descriptor = _open_locked(new, os.O_CREAT | os.O_EXCL)
        new.rename(path)
        return cls(path, descriptor)

    @classmethod
    def take_over(cls, path: Path) -> JournalFile | None:
        """The journal of a process that is gone; None if it isn't gone after all."""
        try:
            descriptor = _open_locked(path, 0)
        except OSError:
            return None
        if os.fstat(descriptor).st_nlink == 0:  # removed, or written anew, in between
            os.close(descriptor)
            return None
        path.with_suffix(_NEW_SUFFIX).unlink(missing_ok=True)
        return cls(path, descriptor)

    def append(self, key: str, *records: Record, durable: bool = False) -> None:
        """See Journal."""
        text = _text(key, records)
        with self._lock:
            self._write(text, durable=durable)
            self._live_bytes[key] = self._live_bytes.get(key, 0) + len(text)

    def forget(self, key: str) -> None:
        """See Journal. It isn't made durable: what comes back is sent again, which is harmless."""
        with self._lock:
            if self._live_bytes.pop(key, None) is None:
                return
            if not self._live_bytes:
                os.ftruncate(self._descriptor, 0)
                self._size = 0
                return
            self._write(_text(key, (None,)), durable=False)
            live_bytes = sum(self._live_bytes.values())
            if self._size - live_bytes > max(REWRITE_BYTES, live_bytes):
                self._rewrite()

    def records(self) -> Mapping[str, Sequence[Record]]:
        """See Journal."""
        with self._lock:
            return _kept(self._path.read_bytes())

    def close(self) -> None:
        """See Journal. A file with nothing in it is removed."""
        with self._lock:
            if not self._live_bytes:
                self._path.unlink(missing_ok=True)
            os.close(self._descriptor)

    def _write(self, text: bytes, *, durable: bool) -> None:
        try:
            _write_all(self._descriptor, text)
            if durable:
                os.fsync(self._descriptor)
        except OSError as error:
            # Half a line would spoil the next one.
            os.ftruncate(self._descriptor, self._size)
            raise JournalError(f"{self._path} could not be written") from error
        self._size += len(text)

    def _rewrite(self) -> None:
        kept = _kept(self._path.read_bytes())
        text = b"".join(_text(key, records) for key, records in kept.items())
        new = self._path.with_suffix(_NEW_SUFFIX)
        try:
            descriptor = _open_locked(new, os.O_CREAT | os.O_TRUNC)
            with os.fdopen(os.dup(descriptor), "wb") as file:
                file.write(text)
                file.flush()
                os.fsync(descriptor)
            new.rename(self._path)
        except OSError as error:
            raise JournalError(f"{self._path} could not be written anew") from error
        os.close(self._descriptor)
        self._descriptor, self._size = descriptor, len(text)


def _open_locked(path: Path, flags: int) -> int:
    descriptor = os.open(path, os.O_RDWR | os.O_APPEND | flags, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def _write_all(descriptor: int, text: bytes) -> None:
    while text:  # a disk that is nearly full takes a part of it
        text = text[os.write(descriptor, text) :]


def _text(key: str, records: Sequence[Record | None]) -> bytes:
    lines = (json.dumps([key, record], separators=(",", ":")) for record in records)
    return "".join(f"{line}\n" for line in lines).encode()


def _kept(content: bytes) -> dict[str, list[Record]]:
    """What the lines come to. What a failing machine spoiled is told, and the rest is kept."""
    kept: dict[str, list[Record]] = {}
    spoiled = 0
    for line in content.split(b"\n")[:-1]:  # a last one without its end was never written
        try:
            key, record = json.loads(line)
        except (ValueError, TypeError):
            spoiled += 1
            continue
        if record is None:
            kept.pop(key, None)
        else:
            kept.setdefault(key, []).append(record)
    if spoiled:
        logger.error("%d lines of a journal of usage can't be read", spoiled)
    return kept

"""Clears away what a stack leaves on disk, once the last of its processes is gone.

`python -m devstack.janitor LOCK FOLDER [FILE…]` with a pipe on standard input whose other
end is held by the stack's owner and by each of its parts: end of file means that none of them
is left, even when they were killed. The files belong to whichever stack holds the lock,
so they are left alone when another one has started meanwhile.
"""

from __future__ import annotations

import contextlib
import fcntl
import shutil
import signal
import sys
from pathlib import Path


def main() -> None:
    """Wait for the last process, then remove the folder, and the files if nobody took over."""
    for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)  # it ends by itself, and only then
    lock_path, folder, *files = (Path(argument) for argument in sys.argv[1:])
    sys.stdin.buffer.read()
    shutil.rmtree(folder, ignore_errors=True)
    with contextlib.suppress(OSError):
        folder.parent.rmdir()  # unless another stack has its own folder there
    with lock_path.open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        for file in files:
            file.unlink(missing_ok=True)


if __name__ == "__main__":
    main()

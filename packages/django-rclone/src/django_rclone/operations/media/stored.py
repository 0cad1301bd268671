"""Which contents are stored: listed by another process while there is something else to do."""

import os
import re
import sys
import tempfile
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Self

from ...exceptions import ProcessError, RcloneError
from ...processes import Command, Process, communicate
from ...rclone.copying import Copying
from ...scratch import scratch_directory
from . import content_store
from .workset import WorkSet

_INTERPRETER = re.compile(r"(python|pypy)[0-9.]*t?(-dbg)?", re.IGNORECASE)


class StoredContent:
    """The contents that are stored at a place, as they were listed after entering it.

    It is a context manager. A folder of this machine is listed from then on by a program of its
    own: Python does one thing at a time, and this takes as long as looking at all media files.
    """

    def __init__(self, copying: Copying, place: str) -> None:
        """``place`` is the address of the folder of contents."""
        self._copying = copying
        self._place = place
        self._program: Process | None = None
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        python = _python()
        if python and self._place.startswith("/"):
            with self._stack:
                self._begin(python)
                self._stack = self._stack.pop_all()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._stack.close()

    def _begin(self, python: str) -> None:
        try:
            folder = self._stack.enter_context(scratch_directory(Path(tempfile.gettempdir())))
            self._database = str(folder / "stored.sqlite3")
            argv = (python, "-I", "-S", content_store.__file__, self._place, self._database)
            program = Process(Command(argv=argv), stall_timeout=self._copying.stall_timeout)
            self._program = self._stack.enter_context(program)
        except (OSError, ProcessError):
            self._program = None

    def add_to(self, work: WorkSet) -> None:
        """Note what is stored in the facts, and nothing else. Raises ``RcloneError``."""
        work.run("DELETE FROM stored")
        if self._program is not None and _has_succeeded(self._program):
            work.add_stored_from(self._database)
            return
        with closing(self._copying.sizes(self._place)) as listed:
            work.add_stored(
                (sha256, size)
                for name, size in listed
                if (sha256 := content_store.content_hash(name)) is not None
            )


def list_stored(copying: Copying, place: str, work: WorkSet) -> None:
    """Note what is stored at ``place``, the address of the contents. Raises ``RcloneError``."""
    with StoredContent(copying, place) as stored:
        stored.add_to(work)


def _has_succeeded(program: Process) -> bool:
    try:
        communicate(program)
    except ProcessError as error:
        if error.returncode == content_store.UNREADABLE:
            reason = "\n".join(program.tail())
            raise RcloneError(f"The contents of media files cannot be listed: {reason}") from None
        return False  # rclone can do it, too
    return True


def _python() -> str | None:
    """Return the interpreter of this process; ``None`` in a server that only contains one."""
    name = os.path.basename(sys.executable or "")
    return sys.executable if _INTERPRETER.fullmatch(name) else None

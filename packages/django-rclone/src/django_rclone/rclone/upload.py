"""Storing a stream as one new object."""

from collections.abc import Callable
from typing import Self

from ..processes import Process


class Upload:
    """A stream to one new object, stored by rclone: a target of the relay.

    Leaving the context stops rclone, and calls ``undo`` unless the upload is complete.
    """

    def __init__(self, process: Process, undo: Callable[[], object]) -> None:
        self._process = process
        self._undo = undo
        self.complete = False
        """Whether rclone read the end of the stream and stored all of it."""

    def __enter__(self) -> Self:
        self._process.__enter__()
        return self

    def __exit__(self, *exc_info: object) -> None:
        try:
            self._process.stop()
        finally:
            if not self.complete:
                self._undo()

    def write(self, data: bytes) -> None:
        """Store more."""
        self._process.write(data)

    def commit(self) -> None:
        """Let rclone see the end of the stream, which it takes for success, and wait for it."""
        self._process.finish()
        self.complete = True

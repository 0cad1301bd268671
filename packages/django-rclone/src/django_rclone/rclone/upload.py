"""Storing a stream as one new object."""

from ..processes import Process


class Upload:
    """One new object being stored by rclone: a target of the relay."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self.complete = False
        """Whether rclone read the end of the stream and stored all of it."""

    def write(self, data: bytes) -> None:
        """Store more."""
        self._process.write(data)

    def commit(self) -> None:
        """Let rclone see the end of the stream, which it takes for success, and wait for it."""
        self._process.finish()
        self.complete = True

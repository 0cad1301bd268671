"""rclone at an end of the relay: storing one object, or reading it."""

from ..processes import Process


class Upload:
    """A target of the relay: rclone, storing what it is given."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self.committed = False

    def write(self, data: bytes) -> None:
        """Store more."""
        self._process.write(data)

    def commit(self) -> None:
        """Let rclone see the end, which it takes for success, and wait until all is stored."""
        self._process.finish()
        self.committed = True


class Download:
    """A source of the relay: rclone, reading one object."""

    def __init__(self, process: Process) -> None:
        self._process = process

    def read(self, size: int) -> bytes:
        """Return the next bytes."""
        return self._process.read(size)

    def finish(self) -> None:
        """Raise ``RcloneError`` unless rclone read all it wanted to."""
        self._process.finish()

"""A started program, and how it ended."""

import os
import subprocess
import time

_LONGEST_PAUSE = 0.05  # seconds


class Child:
    """Waits for a program, and knows a lost exit status from a good one.

    ``Popen.wait()`` takes a status that somebody else has collected, or that the system
    has thrown away since SIGCHLD is ignored, for success.
    """

    def __init__(self, popen: subprocess.Popen[bytes]) -> None:
        self.pid = popen.pid
        self.returncode: int | None = None
        """Once it has ended: its exit status, negative for a signal; ``None`` if that is lost."""
        self._popen = popen
        self._ended = False

    def wait(self, seconds: float | None) -> bool:
        """Wait up to so many seconds until the program ends, and return whether it has."""
        if seconds is None:
            self._collect(0)
            return True
        deadline = time.monotonic() + seconds
        pause = 0.0005
        while not self._collect(os.WNOHANG):
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            pause = min(2 * pause, left, _LONGEST_PAUSE)
            time.sleep(pause)
        return True

    def _collect(self, flags: int) -> bool:
        if self._ended:
            return True
        try:
            pid, status = os.waitpid(self.pid, flags)
        except ChildProcessError:
            pid, status = self.pid, None
        if pid == 0:
            return False
        self._ended = True
        self.returncode = None if status is None else os.waitstatus_to_exitcode(status)
        # Otherwise it would wait again when it is collected as garbage.
        self._popen.returncode = self.returncode or 0
        return True

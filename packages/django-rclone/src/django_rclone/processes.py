"""Starting, feeding, reading and stopping programs. The only importer of ``subprocess``."""

import contextlib
import io
import os
import signal
import subprocess
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Self

from .exceptions import ExecutableNotFound, ProcessError
from .redaction import redact

TAIL_LINES = 25
_LINE_LIMIT = 65_536
_GRACE = 5.0  # seconds between SIGTERM and SIGKILL
_READ_SIZE = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A program to run. ``env`` is added to our own environment and is never shown."""

    argv: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def title(self) -> str:
        """The program and its verb, if it has one, such as ``rclone rcat``."""
        verb = [word for word in self.argv[1:2] if not word.startswith("-")]
        return " ".join([Path(self.argv[0]).name, *verb])


DescribeFailure = Callable[[Command, int, Sequence[str]], ProcessError]


def describe_failure(command: Command, returncode: int, tail: Sequence[str]) -> ProcessError:
    """Say how a program ended, with its own last words."""
    how = (
        f"was killed by {signal.Signals(-returncode).name}"
        if returncode < 0
        else f"exited with {returncode}"
    )
    message = "\n".join([f"{command.title} {how}.", *tail])
    return ProcessError(message, returncode=returncode)


class Process:
    """A running program: its stdin and stdout are pipes of ours, its stderr is drained.

    Use it as a context manager: leaving it stops a program that still runs.
    stderr is read in the background, so that a talkative program never blocks;
    the last lines are kept, with secrets masked. The program gets a session of
    its own: Ctrl-C reaches us alone, and we stop our programs in order.

    Raises ``ExecutableNotFound`` when the program cannot be started.
    """

    def __init__(
        self,
        command: Command,
        *,
        on_line: Callable[[str], str | None] = str,
        failure: DescribeFailure = describe_failure,
    ) -> None:
        """``on_line`` sees every line of stderr and returns what to keep of it, if anything."""
        self.command = command
        self._on_line = on_line
        self._failure = failure
        self._tail: deque[str] = deque(maxlen=TAIL_LINES)
        try:
            self._popen = subprocess.Popen(
                command.argv,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                bufsize=0,
                env={**os.environ, **command.env},
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise ExecutableNotFound(
                f"{command.argv[0]} cannot be started: {reason}.",
                hint="Install it, or correct the setting that names it.",
            ) from None
        self._drain = threading.Thread(target=self._drain_stderr, daemon=True)
        self._drain.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.stop()

    def read(self, size: int = _READ_SIZE) -> bytes:
        """Return up to ``size`` bytes of stdout; nothing at its end."""
        return self._stdout.read(size) or b""

    def write(self, data: bytes) -> None:
        """Write all of ``data`` to stdin. Raises ``ProcessError`` when the program has left."""
        view = memoryview(data)
        try:
            while view:
                view = view[self._stdin.write(view) :]
        except BrokenPipeError:
            returncode = self._popen.wait()
            raise self._ended(returncode) from None

    def close_input(self) -> None:
        """Let the program see the end of its input."""
        # It may be gone already; then its exit status tells why.
        with contextlib.suppress(BrokenPipeError):
            self._stdin.close()

    def finish(self) -> None:
        """Close stdin and wait. Raises ``ProcessError`` unless the program exits with 0."""
        self.close_input()
        returncode = self._popen.wait()
        if returncode != 0:
            raise self._ended(returncode)

    def terminate(self) -> None:
        """Stop the program without letting it see the end of its input."""
        if self._popen.poll() is None:
            self._signal(signal.SIGTERM)
            try:
                self._popen.wait(_GRACE)
            except subprocess.TimeoutExpired:
                self._signal(signal.SIGKILL)
                self._popen.wait()

    def stop(self) -> None:
        """Stop the program without letting it see the end of its input, and let go of it."""
        self.terminate()
        self._drain.join(_GRACE)
        for pipe in (self._stdin, self._stdout, self._stderr):
            with contextlib.suppress(BrokenPipeError):
                pipe.close()

    def _ended(self, returncode: int) -> ProcessError:
        self._drain.join(_GRACE)
        return self._failure(self.command, returncode, tuple(self._tail))

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._popen.pid, number)

    def _drain_stderr(self) -> None:
        lines = io.BufferedReader(io.FileIO(self._stderr.fileno(), closefd=False))
        while line := lines.readline(_LINE_LIMIT):
            text = line.decode("utf-8", "replace").rstrip()
            if text and (kept := self._on_line(text)):
                self._tail.append(redact(kept)[:500])

    @property
    def _stdin(self) -> IO[bytes]:
        assert self._popen.stdin is not None
        return self._popen.stdin

    @property
    def _stdout(self) -> IO[bytes]:
        assert self._popen.stdout is not None
        return self._popen.stdout

    @property
    def _stderr(self) -> IO[bytes]:
        assert self._popen.stderr is not None
        return self._popen.stderr


def run(process: Process, data: bytes = b"") -> bytes:
    """Give a program ``data`` and return all that it prints. For small amounts only.

    Raises ``ProcessError`` unless the program exits with 0.
    """
    with process:
        process.write(data)
        process.close_input()
        output = b"".join(iter(process.read, b""))
        process.finish()
    return output

"""Starting, feeding, reading and stopping programs. The only importer of ``subprocess``."""

import contextlib
import io
import os
import select
import signal
import subprocess
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Self

from .exceptions import ExecutableNotFound, ProcessError
from .interruption import interruptible
from .redaction import redact

TAIL_LINES = 25
_LINE_LIMIT = 65_536  # bytes of a line that are looked at
_REDACTED = 4_000  # characters of it that are searched for secrets
_SHOWN = 500  # characters of it that are kept
_GRACE = 5.0  # seconds between SIGTERM and SIGKILL
_READ_SIZE = 1 << 20


SECRET_FILE = "{secret file}"
"""Stands in ``argv`` for the name of a file that holds ``Command.secret``."""
_SECRET_SIZE = 4096  # bytes; every pipe takes as many before anyone reads


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A program to run. ``env`` is added to our own environment and is never shown.

    ``secret`` (at most 4,096 bytes) is for programs that read passwords from a file:
    they find it in a pipe, by the name that takes the place of ``SECRET_FILE``.
    """

    argv: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict, repr=False)
    secret: bytes = field(default=b"", repr=False)

    @property
    def title(self) -> str:
        """The program and its verb, such as ``rclone rcat``."""
        return " ".join([Path(self.argv[0]).name, *self.argv[1:2]])


@dataclass(frozen=True, slots=True)
class Patience:
    """For how many seconds to wait for a program that shows no life, and the setting that says so."""

    seconds: float
    setting: str

    def lost(self, error: ProcessError) -> ProcessError:
        """Return the error of a program that was stopped since nothing moved any more."""
        return type(error)(
            f"Nothing moved for {self.seconds:g} seconds.\n{error.message}",
            hint=f"Find out what it waits for; or allow more time by {self.setting}.",
            returncode=error.returncode,
        )


DescribeFailure = Callable[[Command, int, Sequence[str]], ProcessError]


def describe_failure(command: Command, returncode: int, tail: Sequence[str]) -> ProcessError:
    """Say how a program ended, with its own last words."""
    how = f"exited with {returncode}" if returncode >= 0 else f"was killed by {_name(-returncode)}"
    message = "\n".join([f"{command.title} {how}.", *tail])
    return ProcessError(message, returncode=returncode)


def _name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


class Process:
    """A running program: its stdin and stdout are pipes of ours, its stderr is drained.

    It is a context manager: entering starts the program, leaving stops it if it still runs.
    stderr is read in the background, so that a talkative program never blocks;
    the last lines are kept, with secrets masked. The program gets a session of
    its own: Ctrl-C reaches us alone, and we stop our programs in order.

    Entering raises ``ExecutableNotFound`` when the program cannot be started.
    """

    def __init__(
        self,
        command: Command,
        *,
        on_line: Callable[[str], str | None] = str,
        failure: DescribeFailure = describe_failure,
        patience: Patience | None = None,
        pulse: Callable[[], object] = lambda: None,
    ) -> None:
        """``on_line`` sees every line of stderr and returns what to keep of it, if anything.

        A program that neither takes nor gives a byte, nor ends, while we wait
        for it, is stopped and fails when ``patience`` is over; ``None`` waits for
        ever. One that works in silence shows it by ``pulse``, which returns
        something else than before.
        """
        self.command = command
        self._on_line = on_line
        self._failure = failure
        self._patience = patience
        self._pulse = pulse
        self._stalled = False
        self._tail: deque[str] = deque(maxlen=TAIL_LINES)
        self._reaped = False

    def __enter__(self) -> Self:
        _occupy_standard_descriptors()
        try:
            with _secret_pipe(self.command.secret) as descriptor:
                name = f"/dev/fd/{descriptor}"
                self._popen = subprocess.Popen(
                    [argument.replace(SECRET_FILE, name) for argument in self.command.argv],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    bufsize=0,
                    env={**os.environ, **self.command.env},
                    start_new_session=True,
                    pass_fds=[descriptor] if self.command.secret else [],
                )
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise ExecutableNotFound(
                f"{self.command.argv[0]} cannot be started: {reason}.",
                hint="Install it, or correct the setting that names it.",
            ) from None
        os.set_blocking(self._stdin.fileno(), False)
        self._drain = threading.Thread(target=self._drain_stderr, daemon=True)
        self._drain.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.stop()

    def read(self, size: int = _READ_SIZE) -> bytes:
        """Return up to ``size`` bytes of stdout; nothing at its end."""
        self._await_pipe(self._stdout, select.POLLIN)
        return self._stdout.read(size) or b""

    def write(self, data: bytes) -> None:
        """Write all of ``data`` to stdin. Raises ``ProcessError`` when the program has left."""
        view = memoryview(data)
        try:
            while view:
                self._await_pipe(self._stdin, select.POLLOUT)
                view = view[self._stdin.write(view) or 0 :]
        except BrokenPipeError:
            # It has closed its stdin, and is on its way out, or ought to be.
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._popen.wait(_GRACE)
            self.terminate()
            raise self._failed() from None

    def close_input(self) -> None:
        """Let the program see the end of its input."""
        # It may be gone already; then its exit status tells why.
        with contextlib.suppress(BrokenPipeError):
            self._stdin.close()

    def finish(self) -> None:
        """Close stdin and wait. Raises ``ProcessError`` unless the program exits with 0."""
        self.close_input()
        self._await(self._has_ended)
        self._reap()
        if self._popen.returncode != 0:
            raise self._failed()

    def terminate(self) -> None:
        """Stop the program without letting it see the end of its input."""
        if self._popen.poll() is None:
            self._signal(signal.SIGTERM)
            try:
                self._popen.wait(_GRACE)
            except subprocess.TimeoutExpired:
                self._signal(signal.SIGKILL)
        self._reap()

    def stop(self) -> None:
        """Stop the program without letting it see the end of its input, and let go of it."""
        self.terminate()
        self._drain.join(_GRACE)
        pipes = [self._stdin, self._stdout]
        if not self._drain.is_alive():
            pipes.append(self._stderr)
        for pipe in pipes:
            with contextlib.suppress(BrokenPipeError):
                pipe.close()

    def _await_pipe(self, pipe: IO[bytes], what: int) -> None:
        poll = select.poll()
        poll.register(pipe, what)
        self._await(lambda seconds: bool(poll.poll(None if seconds is None else seconds * 1000)))

    def _has_ended(self, seconds: float | None) -> bool:
        try:
            self._popen.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def _await(self, comes: Callable[[float | None], bool]) -> None:
        """Wait for something that comes, or does not, within so many seconds."""
        seconds = self._patience.seconds if self._patience else None
        pulse = self._pulse()
        while not comes(seconds):
            if pulse == (pulse := self._pulse()):
                self._stalled = True
                self.terminate()
                raise self._failed()

    def _reap(self) -> None:
        self._popen.wait()
        if not self._reaped:
            # What the program itself started may have outlived it. At once, and
            # once only: the number of its group may belong to others later.
            self._reaped = True
            self._signal(signal.SIGKILL)

    def _failed(self) -> ProcessError:
        self._drain.join(_GRACE)
        error = self._failure(self.command, self._popen.returncode, tuple(self._tail))
        return self._patience.lost(error) if self._patience and self._stalled else error

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._popen.pid, number)

    def _drain_stderr(self) -> None:
        lines = io.BufferedReader(io.FileIO(self._stderr.fileno(), closefd=False))
        continued = False
        while line := lines.readline(_LINE_LIMIT):
            # The rest of an endless line is dropped: a secret may be cut in two there.
            if not continued:
                self._take(line)
            continued = not line.endswith(b"\n")

    def _take(self, line: bytes) -> None:
        try:
            whole = line.endswith(b"\n")
            text = line.decode("utf-8", "replace")[: None if whole else _REDACTED].strip()
            if text and (kept := self._on_line(text)):
                self._tail.append(redact(kept[:_REDACTED])[:_SHOWN])
        except Exception:  # noqa: BLE001 - a full pipe would block the program for ever
            self._tail.append("(a line that could not be read)")

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


def _occupy_standard_descriptors() -> None:
    """Keep our pipes from the numbers 0 to 2, which some callers closed: programs get others there."""
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(descriptor)


@contextlib.contextmanager
def _secret_pipe(secret: bytes) -> Iterator[int]:
    """Yield the end to read of a pipe that holds ``secret`` and no more; -1 without one."""
    if not secret:
        yield -1
        return
    if len(secret) > _SECRET_SIZE:
        raise ValueError("the secret is too long for a pipe")
    reading, writing = os.pipe()
    try:
        os.write(writing, secret)
        os.close(writing)
        yield reading
    finally:
        os.close(reading)


def run(process: Process, data: bytes = b"") -> bytes:
    """Give a program ``data`` and return all that it prints. For small amounts only.

    Raises ``ProcessError`` unless the program exits with 0.
    """
    with process, interruptible():
        process.write(data)
        process.close_input()
        output = b"".join(iter(process.read, b""))
        process.finish()
    return output

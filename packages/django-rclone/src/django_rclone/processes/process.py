"""Starting, feeding, reading and stopping programs. The only importer of ``subprocess``."""

import contextlib
import errno
import os
import select
import signal
import time
from collections.abc import Callable, Iterator
from typing import IO, Self

from ..exceptions import ExecutableNotFound, ProcessError
from ..interrupts import LOOK, interruptible, look, must_look, time_left
from .child import Child
from .command import SECRET_FILE, Command, DescribeFailure, StallTimeout, describe_failure, lost
from .descriptors import secret_pipe
from .inheritance import start
from .stderr import StderrTail

_GRACE = 5.0  # seconds between SIGTERM and SIGKILL
_LEAST_GRACE = 0.5  # seconds of those, once a signal has ended this run
_READ_SIZE = 1 << 20
_LIMITS = (errno.EMFILE, errno.ENFILE, errno.EAGAIN, errno.ENOMEM)
_RAISE_LIMIT = "Allow this process more: `ulimit -a` shows its limits."


class Process:
    """A program, fed through stdin and read through stdout, while its stderr is drained.

    It is a context manager: entering starts the program, leaving stops it if it is still
    running. The program gets its own session, so that Ctrl-C does not reach it and
    programs are stopped in order.

    Entering raises ``ExecutableNotFound`` if the program cannot be started.
    """

    def __init__(
        self,
        command: Command,
        *,
        on_line: Callable[[str], str | None] = str,
        failure: DescribeFailure = describe_failure,
        stall_timeout: StallTimeout | None = None,
        activity: Callable[[], object] = lambda: None,
    ) -> None:
        """``on_line`` gets every line of stderr, and returns the part of it to keep, if any.

        A program that neither reads, writes nor exits for ``stall_timeout`` while it is
        waited for is stopped, and fails; ``None`` waits forever. ``activity`` returns a
        value that changes whenever a program that works silently made progress.
        """
        self.command = command
        self._on_line = on_line
        self._failure = failure
        self._stall_timeout = stall_timeout
        self._activity = activity
        self._stalled = False
        self._reaped = False

    def __enter__(self) -> Self:
        secret = self.command.secret
        try:
            with secret_pipe(secret) as descriptor:
                name = f"/dev/fd/{descriptor}"
                argv = [argument.replace(SECRET_FILE, name) for argument in self.command.argv]
                popen = start(argv, self.command.env, [descriptor] if secret else [])
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            at_limit = getattr(error, "errno", None) in _LIMITS
            raise ExecutableNotFound(
                f"{self.command.argv[0]} cannot be started: {reason}.",
                hint=_RAISE_LIMIT
                if at_limit
                else "Install it, or correct the setting that names it.",
            ) from None
        assert popen.stdin
        assert popen.stdout
        assert popen.stderr
        self._child = Child(popen)
        self._stdin, self._stdout = popen.stdin, popen.stdout
        os.set_blocking(self._stdin.fileno(), False)
        self._stderr = StderrTail(popen.stderr, self._on_line)
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.stop()

    def read(self, size: int = _READ_SIZE) -> bytes:
        """Return up to ``size`` bytes of stdout, and nothing at its end."""
        self._wait_for_pipe(self._stdout, select.POLLIN)
        return self._stdout.read(size) or b""

    def write(self, data: bytes) -> None:
        """Write all of ``data`` to stdin. Raises ``ProcessError`` if the program no longer reads."""
        view = memoryview(data)
        while view:
            self._wait_for_pipe(self._stdin, select.POLLOUT)
            view = view[self._write_now(view) :]

    def exchange(self, data: bytes) -> Iterator[bytes]:
        """Write all of ``data`` to stdin, and yield what the program prints in the meantime.

        Raises ``ProcessError`` if the program no longer reads.
        """
        poll = select.poll()
        poll.register(self._stdin, select.POLLOUT)
        poll.register(self._stdout, select.POLLIN)
        view = memoryview(data)
        while view:
            ready: list[int] = []

            def wait(seconds: float | None, ready: list[int] = ready) -> bool:
                found = poll.poll(None if seconds is None else seconds * 1000)
                ready += [descriptor for descriptor, _ in found]
                return bool(ready)

            self._wait_until(wait)
            if self._stdout.fileno() not in ready:
                view = view[self._write_now(view) :]
            elif printed := self._stdout.read(_READ_SIZE):
                yield printed
            else:
                poll.unregister(self._stdout)  # it has closed it

    def _write_now(self, view: memoryview) -> int:
        """Write as much as the program takes at once."""
        try:
            return self._stdin.write(view) or 0
        except BrokenPipeError:
            # It closed its stdin, so it is about to exit, or should be.
            self._child.wait(_GRACE)
            self.terminate()
            raise self.failed() from None

    def close_input(self) -> None:
        """Let the program see the end of its input."""
        # It may have exited already; its exit status is what counts.
        with contextlib.suppress(BrokenPipeError):
            self._stdin.close()

    def finish(self) -> None:
        """Close stdin and wait. Raises ``ProcessError`` unless the program exits with 0."""
        self.close_input()
        self._wait_until(self._child.wait)
        self._reap()
        if self._child.returncode != 0:
            raise self.failed()

    def has_ended(self, seconds: float = 0) -> bool:
        """Wait up to so many seconds for the program to end by itself; return whether it has."""
        return self._child.wait(seconds)

    def failed(self) -> ProcessError:
        """Return the error of a program that has ended, with the last lines of its stderr."""
        tail = self.tail(_grace())
        if self._child.returncode is None:
            return lost(self.command, type(self._failure(self.command, 0, tail)))
        error = self._failure(self.command, self._child.returncode, tail)
        if self._stall_timeout and self._stalled:
            return self._stall_timeout.error(self.command, error)
        return error

    def tail(self, seconds: float = 0) -> tuple[str, ...]:
        """Return the last lines of stderr, after waiting so many seconds for its end."""
        return self._stderr.lines(seconds)

    def terminate(self) -> None:
        """Stop the program without letting it see the end of its input."""
        if not self._child.wait(0):
            self._signal(signal.SIGTERM)
            if not self._child.wait(_grace()):
                self._signal(signal.SIGKILL)
        self._reap()

    def stop(self) -> None:
        """Stop the program without letting it see the end of its input, and close its pipes."""
        self.terminate()
        self._stderr.close(_grace())
        self.close_input()
        self._stdout.close()

    def _wait_for_pipe(self, pipe: IO[bytes], what: int) -> None:
        poll = select.poll()
        poll.register(pipe, what)
        self._wait_until(
            lambda seconds: bool(poll.poll(None if seconds is None else seconds * 1000))
        )

    def _wait_until(self, ready: Callable[[float | None], bool]) -> None:
        """Wait until ``ready``, which waits up to so many seconds, returns true.

        Stops the program and raises its error if it makes no progress.
        """
        limit = self._stall_timeout.seconds if self._stall_timeout else None
        seconds = min(LOOK, limit or LOOK) if must_look() else limit
        activity, since = self._activity(), time.monotonic()
        while not ready(seconds):
            look()
            if limit is None or time.monotonic() < since + limit:
                continue
            if activity == (activity := self._activity()):
                self._stalled = True
                self.terminate()
                raise self.failed()
            since = time.monotonic()

    def _reap(self) -> None:
        self._child.wait(None)
        if not self._reaped:
            # Its own children may have outlived it. Signal them only once, and now: the
            # process group id may be reused.
            self._reaped = True
            self._signal(signal.SIGKILL)

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._child.pid, number)


def _grace() -> float:
    left = time_left()
    return _GRACE if left is None else max(_LEAST_GRACE, left)


def communicate(process: Process, data: bytes = b"") -> bytes:
    """Write ``data`` to a program that runs, and return its whole output. For small amounts only.

    Raises ``ProcessError`` unless the program exits with 0.
    """
    with interruptible():
        process.write(data)
        process.close_input()
        output = b"".join(iter(process.read, b""))
        process.finish()
    return output


def run(process: Process, data: bytes = b"") -> bytes:
    """Run a program as ``communicate()`` does."""
    with process:
        return communicate(process, data)

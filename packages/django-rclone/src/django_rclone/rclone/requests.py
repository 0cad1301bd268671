"""Small requests: asked again after errors that may pass."""

import logging
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from ..exceptions import RcloneError
from ..interrupts import sleep
from ..processes import run
from .binary import RcloneBinary
from .daemon import Daemon
from .log import reason_of
from .sessions import answering, forget_storages, running, session
from .waits import waiting

# rclone's default of ten is squared on S3: it would be silent for many minutes.
_FEW_RETRIES = "--low-level-retries=3"
_BACKOFF_SECONDS = 1.0  # before the second try of a small request; tripled for each further one

logger = logging.getLogger(__name__)

_Answer = TypeVar("_Answer")


class Requests:
    """Requests that are safe to repeat, to the rclone of a remote."""

    def __init__(self, binary: RcloneBinary, fs: str, retries: int) -> None:
        self._binary = binary
        self._fs = fs
        self._retries = retries

    def question(self, method: str, what: str, **parameters: Any) -> Callable[[Daemon], bytes]:
        """Return a small request, which must be safe to repeat."""

        def ask(daemon: Daemon) -> bytes:
            return daemon.api.answer(
                method, what, fs=self._fs, _config=daemon.options.small, **parameters
            )

        return ask

    def ask(self, question: Callable[[Daemon], bytes], retries: int | None = None) -> bytes:
        """Ask rclone, which is started if need be."""

        def ask() -> bytes:
            with session():
                return question(running(self._binary))

        return self.repeat(ask, retries)

    def ask_unless_missing(
        self, question: Callable[[Daemon], bytes], *, retries: int | None = None
    ) -> bytes | None:
        """Ask rclone. Return ``None`` if what was asked for is missing."""
        try:
            return self.ask(question, retries)
        except RcloneError as error:
            if error.missing:
                return None
            raise

    def twice_if_empty(self, ask: Callable[[], _Answer]) -> _Answer:
        """Return an answer; if nothing was found, ask again.

        ``crypt`` reports a folder as missing if the remote below failed to answer whether
        it is a file. tests/faults/test_answers.py drops every single answer in turn, and
        fails without the second request. To open the storage again is a login at some of
        them: one that has just shown something is open as what it is.
        """
        with session():
            if not (answer := ask()):
                daemon = answering(self._binary)
                if daemon is None or daemon.is_doubtful(self._fs):
                    forget_storages()
                answer = ask()
            if answer and (daemon := answering(self._binary)):
                daemon.has_shown(self._fs)
            return answer

    def repeat(self, attempt: Callable[[], _Answer], retries: int | None = None) -> _Answer:
        """Make an attempt, and more of them as long as trying again may help."""
        retries = self._retries if retries is None else retries
        for attempts_left in range(retries, -1, -1):
            try:
                return attempt()
            except RcloneError as error:
                if not attempts_left or not error.transient:
                    raise
                logger.info("%s Trying again.", error.message)
                waiting(
                    f"The remote does not answer as it should ({reason_of(error.message)}); "
                    f"trying again ({retries - attempts_left + 1} of {retries})."
                )
            forget_storages()
            sleep(_BACKOFF_SECONDS * 3 ** (retries - attempts_left))
        raise AssertionError("the loop returns or raises")

    def run(self, verb: str, operand: str, *, flags: Sequence[str] = ()) -> bytes:
        """Run a command of rclone, which must be safe to repeat."""
        return self.repeat(
            lambda: run(
                self._binary.process(verb, operand, overridable_flags=[_FEW_RETRIES], flags=flags)
            )
        )


def as_folder(place: str) -> str:
    """Mark a place as a folder for rclone.

    Otherwise rclone asks S3 whether it is a file, and takes a failed request for a
    yes: the file is then missing, and the folder appears empty.
    """
    return place if place.endswith((":", "/")) else f"{place}/"

"""What became of the live rows is looked at, and known, whatever a commit reports."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

from django_rclone.clients.orm import OrmClient
from django_rclone.exceptions import SwapRefused, SwapUnknown
from tests.integration.clients.orm.hall import Hall

COMMIT = b"COMMIT\0"


class Line:
    """A way to a server that breaks when a commit is sent: before, or after, it arrives."""

    def __init__(self, server: tuple[str, int], *, deliver: bool, again: bool) -> None:
        """``deliver`` lets the commit through, ``again`` accepts connections afterwards."""
        self._server = server
        self._deliver = deliver
        self._again = again
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> "Line":
        self._thread.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(30)

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                ours, _ = self._listener.accept()
                if self._carry(ours) and not self._again:
                    self._listener.close()

    def _carry(self, ours: socket.socket) -> bool:
        """Pass on what both sides send; return whether a commit came by."""
        with ours, socket.create_connection(self._server) as theirs:
            back = threading.Thread(target=self._answer, args=(theirs, ours), daemon=True)
            back.start()
            broken = self._ask(ours, theirs)
            for end in (ours, theirs):
                with suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)
            back.join(30)
        return broken

    def _ask(self, ours: socket.socket, theirs: socket.socket) -> bool:
        with suppress(OSError):
            while data := ours.recv(65_536):
                if COMMIT not in data:
                    theirs.sendall(data)
                    continue
                if self._deliver:
                    ours.shutdown(socket.SHUT_RDWR)
                    theirs.sendall(data)
                    # The server ends the session once it has done what it was asked for.
                    theirs.shutdown(socket.SHUT_WR)
                    while theirs.recv(65_536):
                        pass
                return True
        return False

    def _answer(self, theirs: socket.socket, ours: socket.socket) -> None:
        with suppress(OSError):
            while data := theirs.recv(65_536):
                ours.sendall(data)


@contextmanager
def line(hall: Hall, *, deliver: bool, again: bool) -> Iterator[None]:
    """Let all new connections of a hall take such a way."""
    settings = hall.connection.settings_dict
    before = settings["HOST"], settings["PORT"]
    hall.connection.close()
    with Line((before[0], int(before[1])), deliver=deliver, again=again) as way:
        settings["HOST"], settings["PORT"] = "127.0.0.1", way.port
        yield
        hall.connection.close()
    settings["HOST"], settings["PORT"] = before


def restore(client: OrmClient, dump: bytes, *, swap: bool = True) -> None:
    with client, client.restore() as target:
        target.write(dump)
        target.finish()
        if swap:
            target.swap()


def test_finish_without_swap_changes_nothing(hall: Hall) -> None:
    dump = hall.dump()
    hall.diverge()
    live = hall.fingerprint()
    restore(hall.client(), dump, swap=False)
    assert hall.fingerprint() == live


def test_a_commit_whose_acknowledgement_is_lost_is_a_success(postgresql_hall: Hall) -> None:
    before = postgresql_hall.fingerprint()
    dump = postgresql_hall.dump()
    postgresql_hall.diverge()
    with line(postgresql_hall, deliver=True, again=True):
        restore(postgresql_hall.client(), dump)
    assert postgresql_hall.fingerprint() == before


def test_a_commit_that_never_arrives_changes_nothing(postgresql_hall: Hall) -> None:
    dump = postgresql_hall.dump()
    postgresql_hall.diverge()
    live = postgresql_hall.fingerprint()
    with line(postgresql_hall, deliver=False, again=True), pytest.raises(SwapRefused):
        restore(postgresql_hall.client(), dump)
    assert postgresql_hall.fingerprint() == live


@pytest.mark.parametrize("differs", [True, False])
def test_what_cannot_be_seen_is_unknown(postgresql_hall: Hall, differs: bool) -> None:
    dump = postgresql_hall.dump()
    if differs:
        postgresql_hall.diverge()
    # Either nobody answers any more, or both states look the same.
    with (
        line(postgresql_hall, deliver=False, again=not differs),
        pytest.raises(SwapUnknown, match="not committed"),
    ):
        restore(postgresql_hall.client(), dump)

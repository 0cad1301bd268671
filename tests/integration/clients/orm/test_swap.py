"""What became of the live rows is looked at, and known, whatever a commit reports."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

from django_rclone.clients.orm import OrmClient
from django_rclone.exceptions import SwapRefused, SwapUnknown
from tests.integration.clients.orm.orm_site import OrmSite

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
def line(orm_site: OrmSite, *, deliver: bool, again: bool) -> Iterator[None]:
    """Let all new connections of a orm_site take such a way."""
    settings = orm_site.connection.settings_dict
    before = settings["HOST"], settings["PORT"]
    orm_site.connection.close()
    with Line((before[0], int(before[1])), deliver=deliver, again=again) as way:
        settings["HOST"], settings["PORT"] = "127.0.0.1", way.port
        yield
        orm_site.connection.close()
    settings["HOST"], settings["PORT"] = before


def restore(client: OrmClient, dump: bytes, *, swap: bool = True) -> None:
    with client, client.restore() as target:
        target.write(dump)
        target.finish()
        if swap:
            target.swap()


def test_finish_without_swap_changes_nothing(orm_site: OrmSite) -> None:
    dump = orm_site.dump()
    orm_site.mutate()
    live = orm_site.fingerprint()
    restore(orm_site.client(), dump, swap=False)
    assert orm_site.fingerprint() == live


def test_a_commit_whose_acknowledgement_is_lost_is_a_success(postgresql_orm_site: OrmSite) -> None:
    before = postgresql_orm_site.fingerprint()
    dump = postgresql_orm_site.dump()
    postgresql_orm_site.mutate()
    with line(postgresql_orm_site, deliver=True, again=True):
        restore(postgresql_orm_site.client(), dump)
    assert postgresql_orm_site.fingerprint() == before


def test_a_commit_that_never_arrives_changes_nothing(postgresql_orm_site: OrmSite) -> None:
    dump = postgresql_orm_site.dump()
    postgresql_orm_site.mutate()
    live = postgresql_orm_site.fingerprint()
    with line(postgresql_orm_site, deliver=False, again=True), pytest.raises(SwapRefused):
        restore(postgresql_orm_site.client(), dump)
    assert postgresql_orm_site.fingerprint() == live


@pytest.mark.parametrize("differs", [True, False])
def test_what_cannot_be_seen_is_unknown(postgresql_orm_site: OrmSite, differs: bool) -> None:
    dump = postgresql_orm_site.dump()
    if differs:
        postgresql_orm_site.mutate()
    # Either nobody answers any more, or both states look the same.
    with (
        line(postgresql_orm_site, deliver=False, again=not differs),
        pytest.raises(SwapUnknown, match="not committed"),
    ):
        restore(postgresql_orm_site.client(), dump)

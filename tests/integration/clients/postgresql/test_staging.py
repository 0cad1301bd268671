"""After a swap that failed, the restore reports what really became of the live data."""

import select
import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from typing import Self

import pytest
from django.db import connections

from django_rclone.clients.base import RestoreTarget
from django_rclone.clients.postgresql import PostgresqlClient, connection
from django_rclone.exceptions import SwapBroken, SwapRefused, SwapUnknown
from tests.support.site import DjangoSite

BACKED_UP, LIVE = [(1,), (2,)], [(2,), (3,)]


class FakeNetwork:
    """The way to the server, which breaks while the next COMMIT is on it."""

    def __init__(self, site: DjangoSite) -> None:
        self._server = (site.database.server.host, site.database.server.port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.loses = ""
        """The ``"request"``, which then never reaches the server, or the ``"answer"``."""
        self.stays_down = False
        self._is_down = False
        self._half_open: list[socket.socket] = []
        self._thread = threading.Thread(target=self._accept, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        # close() alone does not wake up accept().
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()
        for server in self._half_open:
            server.close()

    def repair(self) -> None:
        self._is_down = False

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, suppress(OSError):
            if self._is_down:
                return
            server = socket.create_connection(self._server)
            others = {client: server, server: client}
            while True:
                for source in select.select(others, (), ())[0]:
                    data = source.recv(1 << 16)
                    if self.loses and source is client and b"COMMIT" in data:
                        self._break(server, data)
                        return
                    if not data:
                        server.close()
                        return
                    others[source].sendall(data)

    def _break(self, server: socket.socket, data: bytes) -> None:
        if self.loses == "answer":
            server.sendall(data)
            server.recv(1 << 16)
            server.close()
        else:
            self._half_open.append(server)
        self.loses = ""
        self._is_down = self.stays_down


@pytest.fixture(params=["in_place", "swap"])
def noted(request: pytest.FixtureRequest, site: DjangoSite) -> DjangoSite:
    """A backed-up database that is no longer as the backup is, in either restore mode."""
    site.database.run(f"ALTER ROLE {site.database.role} CREATEDB", superuser=True)
    site.database.options["restore_mode"] = request.param
    site.rclone["COMPRESSION"] = None
    site.database.run(
        "CREATE TABLE note (id integer PRIMARY KEY); INSERT INTO note VALUES (1), (2)"
    )
    site.back_up()
    site.database.run("DELETE FROM note WHERE id = 1; INSERT INTO note VALUES (3)")
    return site


@pytest.fixture
def network(noted: DjangoSite) -> Iterator[FakeNetwork]:
    with FakeNetwork(noted) as network:
        noted.database.settings["PORT"] = network.port
        noted.database.settings["OPTIONS"] = {"sslmode": "disable", "gssencmode": "disable"}
        noted.call("listbackups")  # makes these settings Django's
        yield network


@contextmanager
def finished_restore(site: DjangoSite) -> Iterator[RestoreTarget]:
    """Yield a restore that has loaded everything."""
    client = PostgresqlClient(connections["default"], **site.database.options)
    with client, client.restore() as target:
        target.write(site.dump().read_bytes())
        target.finish()
        yield target


def require(site: DjangoSite, rows: list[tuple[int]]) -> None:
    """Fail unless the live table has these rows, and no session or database is left over."""
    site.database.wait_until_idle()
    assert site.database.rows("SELECT id FROM note ORDER BY id") == rows
    names = site.database.rows(
        f"SELECT datname FROM pg_database WHERE datname LIKE '{site.database.name}%'"
    )
    assert names == [(site.database.name,)]


def test_finish_without_swap_changes_nothing(noted: DjangoSite) -> None:
    with finished_restore(noted):
        pass
    require(noted, LIVE)


def test_a_swap_makes_the_backup_live(noted: DjangoSite) -> None:
    with finished_restore(noted) as target:
        target.swap()
    require(noted, BACKED_UP)


def test_a_session_that_is_terminated_before_the_commit_leaves_the_old_data(
    noted: DjangoSite,
) -> None:
    with finished_restore(noted) as target:
        noted.database.run(
            f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            f"WHERE usename = '{noted.database.role}'",
            superuser=True,
        )
        with pytest.raises(SwapRefused, match="terminating connection"):
            target.swap()
    require(noted, LIVE)


def test_a_commit_whose_answer_is_lost_has_succeeded(
    noted: DjangoSite, network: FakeNetwork
) -> None:
    with finished_restore(noted) as target:
        network.loses = "answer"
        target.swap()
    assert not network.loses
    require(noted, BACKED_UP)


def test_a_commit_that_is_lost_leaves_the_old_data(noted: DjangoSite, network: FakeNetwork) -> None:
    """The server still waits for more of the transaction: nobody closed the connection."""
    with finished_restore(noted) as target:
        network.loses = "request"
        with pytest.raises(SwapRefused, match="connection"):
            target.swap()
    require(noted, LIVE)


def test_a_server_that_stays_unreachable_leaves_the_outcome_unknown(
    noted: DjangoSite, network: FakeNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "_REOPEN_TIMEOUT", 0.1)
    with finished_restore(noted) as target:
        network.loses, network.stays_down = "answer", True
        with pytest.raises(SwapUnknown, match="unknown whether"):
            target.swap()
    network.repair()
    noted.database.wait_until_idle()
    assert noted.database.rows("SELECT id FROM note ORDER BY id") == BACKED_UP
    noted.database.run("DELETE FROM note")
    with finished_restore(noted) as target:
        target.swap()
    require(noted, BACKED_UP)


@pytest.mark.parametrize("noted", ["swap"], indirect=True)
def test_a_live_database_that_someone_renamed_is_reported_as_broken(noted: DjangoSite) -> None:
    elsewhere = f"{noted.database.name}_elsewhere"
    with finished_restore(noted) as target, closing(noted.database.server.connect()) as admin:
        admin.execute(f"ALTER DATABASE {noted.database.name} RENAME TO {elsewhere}")
        with pytest.raises(SwapBroken, match="does not exist") as caught:
            target.swap()
    assert f"{noted.database.name}_restoring_" in caught.value.hint
    with closing(noted.database.server.connect()) as admin:
        admin.execute(f"ALTER DATABASE {elsewhere} RENAME TO {noted.database.name}")
    with finished_restore(noted) as target:
        target.swap()
    require(noted, BACKED_UP)

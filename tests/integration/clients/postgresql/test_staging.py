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
from tests.integration.clients.postgresql.shop import Shop

BACKED_UP, LIVE = [(1,), (2,)], [(2,), (3,)]


class FakeNetwork:
    """The way to the server, which breaks while the next COMMIT is on it."""

    def __init__(self, shop: Shop) -> None:
        self._server = (shop.server.host, shop.server.port)
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
def noted(request: pytest.FixtureRequest, shop: Shop) -> Shop:
    """A backed-up database that is no longer as the backup is, in either restore mode."""
    shop.run(f"ALTER ROLE {shop.role} CREATEDB", superuser=True)
    shop.options["restore_mode"] = request.param
    shop.site.rclone["COMPRESSION"] = None
    shop.run("CREATE TABLE note (id integer PRIMARY KEY); INSERT INTO note VALUES (1), (2)")
    shop.back_up()
    shop.run("DELETE FROM note WHERE id = 1; INSERT INTO note VALUES (3)")
    return shop


@pytest.fixture
def network(noted: Shop) -> Iterator[FakeNetwork]:
    with FakeNetwork(noted) as network:
        noted.settings["PORT"] = network.port
        noted.settings["OPTIONS"] = {"sslmode": "disable", "gssencmode": "disable"}
        noted.site.call("listbackups")  # makes these settings Django's
        yield network


@contextmanager
def finished_restore(shop: Shop) -> Iterator[RestoreTarget]:
    """Yield a restore that has loaded everything."""
    client = PostgresqlClient(connections["default"], **shop.options)
    with client, client.restore() as target:
        target.write(shop.site.dump().read_bytes())
        target.finish()
        yield target


def require(shop: Shop, rows: list[tuple[int]]) -> None:
    """Fail unless the live table has these rows, and no session or database is left over."""
    shop.settle()
    assert shop.rows("SELECT id FROM note ORDER BY id") == rows
    names = shop.rows(f"SELECT datname FROM pg_database WHERE datname LIKE '{shop.name}%'")
    assert names == [(shop.name,)]


def test_finish_without_swap_changes_nothing(noted: Shop) -> None:
    with finished_restore(noted):
        pass
    require(noted, LIVE)


def test_a_swap_makes_the_backup_live(noted: Shop) -> None:
    with finished_restore(noted) as target:
        target.swap()
    require(noted, BACKED_UP)


def test_a_session_that_is_terminated_before_the_commit_leaves_the_old_data(noted: Shop) -> None:
    with finished_restore(noted) as target:
        noted.run(
            f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            f"WHERE usename = '{noted.role}'",
            superuser=True,
        )
        with pytest.raises(SwapRefused, match="terminating connection"):
            target.swap()
    require(noted, LIVE)


def test_a_commit_whose_answer_is_lost_has_succeeded(noted: Shop, network: FakeNetwork) -> None:
    with finished_restore(noted) as target:
        network.loses = "answer"
        target.swap()
    assert not network.loses
    require(noted, BACKED_UP)


def test_a_commit_that_is_lost_leaves_the_old_data(noted: Shop, network: FakeNetwork) -> None:
    """The server still waits for more of the transaction: nobody closed the connection."""
    with finished_restore(noted) as target:
        network.loses = "request"
        with pytest.raises(SwapRefused, match="connection"):
            target.swap()
    require(noted, LIVE)


def test_a_server_that_stays_unreachable_leaves_the_outcome_unknown(
    noted: Shop, network: FakeNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "_REOPEN_TIMEOUT", 0.1)
    with finished_restore(noted) as target:
        network.loses, network.stays_down = "answer", True
        with pytest.raises(SwapUnknown, match="unknown whether"):
            target.swap()
    network.repair()
    noted.settle()
    assert noted.rows("SELECT id FROM note ORDER BY id") == BACKED_UP
    noted.run("DELETE FROM note")
    with finished_restore(noted) as target:
        target.swap()
    require(noted, BACKED_UP)


@pytest.mark.parametrize("noted", ["swap"], indirect=True)
def test_a_live_database_that_someone_renamed_is_reported_as_broken(noted: Shop) -> None:
    elsewhere = f"{noted.name}_elsewhere"
    with finished_restore(noted) as target, closing(noted.server.connect()) as admin:
        admin.execute(f"ALTER DATABASE {noted.name} RENAME TO {elsewhere}")
        with pytest.raises(SwapBroken, match="does not exist") as caught:
            target.swap()
    assert f"{noted.name}_restoring_" in caught.value.hint
    with closing(noted.server.connect()) as admin:
        admin.execute(f"ALTER DATABASE {elsewhere} RENAME TO {noted.name}")
    with finished_restore(noted) as target:
        target.swap()
    require(noted, BACKED_UP)

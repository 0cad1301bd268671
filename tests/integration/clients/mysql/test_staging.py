"""Whatever becomes of a swap, the error says what the live MariaDB schema is afterwards."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import replace
from typing import Any

import pytest
from django.db.utils import ConnectionHandler

from django_rclone.clients.base import RestoreTarget
from django_rclone.clients.mysql import MysqlClient
from django_rclone.clients.mysql.connection import MysqlSession
from django_rclone.exceptions import ClientError, SwapBroken, SwapRefused, SwapUnknown
from tests.faults.proxy import Proxy, Trouble
from tests.support.databases import MysqlDatabase
from tests.support.servers.mysql import MysqlServer
from tests.support.site import DjangoSite

# The swap waits for a transaction that uses it: before it has changed anything, or amid it.
TABLE = "orders"
VIEW = "empty_one"

STEPS = pytest.mark.parametrize("version", ["", "8.4.3"], ids=["at-once", "in-steps"])
"""With the version of a MySQL server the swap goes step by step, as it must there."""


def client_of(
    site: DjangoSite, *, port: int | None = None, lock_timeout: float = 60
) -> MysqlClient:
    settings = {**site.database.settings, "PORT": port or site.database.server.port}
    connection = ConnectionHandler({"default": settings})["default"]
    return MysqlClient(connection, lock_timeout=lock_timeout)


def dump_of(site: DjangoSite) -> bytes:
    with client_of(site) as client, client.dump(stall_timeout=None) as source:
        dump = b"".join(iter(lambda: source.read(65_536), b""))
        source.finish()
    return dump


@contextmanager
def ready_to_swap(client: MysqlClient, dump: bytes, version: str = "") -> Iterator[RestoreTarget]:
    with client, client.restore() as target:
        target.write(dump)
        target.finish()
        if version:
            client.session.version = version
        yield target


@pytest.fixture
def backup(sample_site: DjangoSite) -> tuple[bytes, str]:
    """A dump of a schema, which is no longer what it was; and what it was."""
    before, dump = sample_site.database.fingerprint(), dump_of(sample_site)
    sample_site.database.mutate()
    sample_site.database.run("CREATE FUNCTION later_one(a int) RETURNS int RETURN a")
    return dump, before


@pytest.fixture
def proxy(sample_site: DjangoSite) -> Iterator[Proxy]:
    if sample_site.database.server.socket is None:
        pytest.skip("the server was not started by the tests")
    with Proxy(sample_site.database.server.port) as proxy:
        yield proxy


@contextmanager
def in_use(site: DjangoSite, name: str) -> Iterator[Callable[[], object]]:
    """Use a table or view in a transaction; yield what ends it."""
    with (
        closing(site.database.server.connect(site.database.name)) as other,
        other.cursor() as cursor,
    ):
        cursor.execute("BEGIN")
        cursor.execute(f"SELECT * FROM {name}")
        yield lambda: cursor.execute("ROLLBACK")


def waiting(site: DjangoSite) -> list[int]:
    """Return the sessions of the shop's role that wait for others."""
    found = site.database.rows(
        "SELECT id FROM information_schema.processlist "
        f"WHERE user = '{site.database.role}' AND state LIKE 'Waiting for %metadata lock%'"
    )
    return [number for (number,) in found]


def session_of(site: DjangoSite) -> int:
    [(number,)] = site.database.rows(
        f"SELECT id FROM information_schema.processlist WHERE user = '{site.database.role}'"
    )
    return int(number)


@contextmanager
def once_waiting(site: DjangoSite, *actions: Callable[[], object]) -> Iterator[None]:
    """Do something as soon as the swap waits for a transaction."""

    def watch() -> None:
        deadline = time.monotonic() + 100
        while not waiting(site) and time.monotonic() < deadline:
            time.sleep(0.05)
        for action in actions:
            action()

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield
    finally:
        thread.join()


@pytest.mark.thorough
def test_rehearsal_leaves_live_data_as_it_was(
    sample_site: DjangoSite, backup: tuple[bytes, str]
) -> None:
    live = sample_site.database.fingerprint()
    with ready_to_swap(client_of(sample_site), backup[0]):
        assert len(sample_site.database.leftovers()) == 1
    assert sample_site.database.leftovers() == []
    assert sample_site.database.fingerprint() == live


@STEPS
def test_swap_makes_the_backup_live(
    sample_site: DjangoSite, backup: tuple[bytes, str], version: str
) -> None:
    dump, before = backup
    with ready_to_swap(client_of(sample_site), dump, version) as target:
        target.swap()
    assert sample_site.database.fingerprint() == before
    assert sample_site.database.leftovers() == []


@pytest.mark.thorough
@STEPS
@pytest.mark.parametrize("name", [TABLE, VIEW])
def test_swap_that_waits_in_vain_is_refused(
    sample_site: DjangoSite, backup: tuple[bytes, str], name: str, version: str
) -> None:
    live = sample_site.database.fingerprint()
    client = client_of(sample_site, lock_timeout=1)
    with (
        ready_to_swap(client, backup[0], version) as target,
        in_use(sample_site, name),
        pytest.raises(SwapRefused, match="Another session uses a table"),
    ):
        target.swap()
    assert sample_site.database.fingerprint() == live
    assert sample_site.database.leftovers() == []


def spoil(target: RestoreTarget) -> None:
    """Let the swap fail at its last statement but one, which nothing before can foresee."""
    staging = target._scratch  # type: ignore[attr-defined]
    plan = replace(staging._rehearsed.objects.definitions[-1], text="CREATE EVENT of no kind")
    objects = staging._rehearsed.objects
    spoiled = replace(objects, definitions=(*objects.definitions, plan))
    staging._rehearsed = replace(staging._rehearsed, objects=spoiled)


@STEPS
def test_swap_that_fails_at_its_end_is_rolled_back(
    sample_site: DjangoSite, backup: tuple[bytes, str], version: str
) -> None:
    live = sample_site.database.fingerprint()
    with ready_to_swap(client_of(sample_site), backup[0], version) as target:
        spoil(target)
        with pytest.raises(SwapRefused, match="syntax"):
            target.swap()
    assert sample_site.database.fingerprint() == live
    assert sample_site.database.leftovers() == []


def test_objects_that_cannot_be_created_are_found_before_the_swap(
    sample_site: DjangoSite, backup: tuple[bytes, str]
) -> None:
    live = sample_site.database.fingerprint()
    dump = backup[0].replace(b"DO DELETE FROM log", b"DO DELETE FORM log")
    assert dump != backup[0]
    with client_of(sample_site) as client, client.restore() as target:
        target.write(dump)
        with pytest.raises(ClientError, match=r"Cannot create event once: .*syntax"):
            target.finish()
    assert sample_site.database.fingerprint() == live
    assert sample_site.database.leftovers() == []


@pytest.mark.thorough
@pytest.mark.parametrize("may_set_definers", [True, False], ids=["exact", "other-definers"])
def test_rollback_that_changes_definers_says_so(
    sample_site: DjangoSite, backup: tuple[bytes, str], may_set_definers: bool
) -> None:
    database = sample_site.database
    database.server.run(
        "CREATE EVENT theirs ON SCHEDULE EVERY 1 DAY DISABLE DO DELETE FROM log",
        "CREATE TRIGGER theirs BEFORE DELETE ON orders FOR EACH ROW SET @x = 1",
        database=database.name,
    )
    if may_set_definers:
        database.server.run(f"GRANT SET USER ON *.* TO {database.role}@'%'")
    live = database.fingerprint()
    with ready_to_swap(client_of(sample_site), backup[0]) as target:
        spoil(target)
        with pytest.raises(SwapRefused if may_set_definers else SwapBroken, match="syntax"):
            target.swap()
    if not may_set_definers:
        live = live.replace("`admin`@", f"`{database.role}`@")
    assert database.fingerprint() == live


def test_swap_ended_by_the_server_at_any_moment_leaves_no_half(
    sample_site: DjangoSite, backup: tuple[bytes, str]
) -> None:
    live = sample_site.database.fingerprint()

    def end() -> None:
        [session] = waiting(sample_site)
        sample_site.database.server.run(f"KILL QUERY {session}")

    for name in (TABLE, VIEW):
        with (
            ready_to_swap(client_of(sample_site), backup[0]) as target,
            in_use(sample_site, name),
            once_waiting(sample_site, end),
            pytest.raises(SwapRefused),
        ):
            target.swap()
        assert sample_site.database.fingerprint() == live
        assert sample_site.database.leftovers() == []


@pytest.mark.thorough
def test_swap_that_never_began_is_refused(
    sample_site: DjangoSite, backup: tuple[bytes, str]
) -> None:
    live = sample_site.database.fingerprint()
    with ready_to_swap(client_of(sample_site), backup[0]) as target:
        sample_site.database.server.run(f"KILL {session_of(sample_site)}")
        with pytest.raises(SwapRefused):
            target.swap()
    assert sample_site.database.fingerprint() == live
    assert sample_site.database.leftovers() == []


@pytest.mark.thorough
def test_connection_lost_before_anything_changed_means_old(
    sample_site: DjangoSite, backup: tuple[bytes, str], proxy: Proxy
) -> None:
    live = sample_site.database.fingerprint()

    def lose_connections() -> None:
        with proxy.refusing():
            pass

    with (
        ready_to_swap(client_of(sample_site, port=proxy.port), backup[0]) as target,
        in_use(sample_site, TABLE),
        once_waiting(sample_site, lose_connections),
        pytest.raises(SwapRefused),
    ):
        target.swap()
    assert sample_site.database.fingerprint() == live
    assert sample_site.database.leftovers() == []


def test_swap_whose_acknowledgement_is_lost_has_succeeded(
    sample_site: DjangoSite, backup: tuple[bytes, str], proxy: Proxy
) -> None:
    dump, before = backup
    first = Trouble()
    with ExitStack() as stack:
        stack.enter_context(proxy.trouble(first))
        target = stack.enter_context(ready_to_swap(client_of(sample_site, port=proxy.port), dump))
        end = stack.enter_context(in_use(sample_site, TABLE))

        def lose_the_answer() -> None:
            # Later connections are sound.
            stack.enter_context(proxy.trouble(Trouble()))
            first.cut_down = first.down

        with once_waiting(sample_site, lose_the_answer, end):
            target.swap()
    assert sample_site.database.fingerprint() == before
    assert sample_site.database.leftovers() == []


@STEPS
def test_swap_that_is_killed_amid_is_put_back(
    sample_site: DjangoSite, backup: tuple[bytes, str], version: str
) -> None:
    live = sample_site.database.fingerprint()
    dump, before = backup

    def kill() -> None:
        [session] = waiting(sample_site)
        sample_site.database.server.run(f"KILL {session}")

    with (
        ready_to_swap(client_of(sample_site), dump, version) as target,
        closing(sample_site.database.server.connect(sample_site.database.name)) as other,
        other.cursor() as cursor,
        once_waiting(sample_site, kill, lambda: cursor.execute("ROLLBACK")),
    ):
        # It is dropped after the tables are set aside, and waits for its user.
        cursor.execute("BEGIN")
        cursor.execute("SELECT later_one(1)")
        with pytest.raises(SwapRefused):
            target.swap()
    assert sample_site.database.fingerprint() == live
    assert sample_site.database.leftovers() == []
    with ready_to_swap(client_of(sample_site), dump) as target:
        target.swap()
    assert sample_site.database.fingerprint() == before


def test_restore_goes_on_from_a_broken_one(
    sample_site: DjangoSite, backup: tuple[bytes, str]
) -> None:
    dump, before = backup
    sample_site.database.run(
        "RENAME TABLE orders TO replaced_0123abcd_0, empty_one TO replaced_0123abcd_1",
        "DROP TRIGGER later_one",
    )
    with client_of(sample_site) as client, pytest.raises(ClientError, match="interrupted"):
        client.check_dump()
    with ready_to_swap(client_of(sample_site), dump) as target:
        target.swap()
    assert sample_site.database.fingerprint() == before
    assert sample_site.database.leftovers() == []


class Died(BaseException):
    """Stands for the end of our process."""


@pytest.mark.thorough
@pytest.mark.parametrize(
    "trigger",
    [
        pytest.param(True, id="trigger", marks=pytest.mark.thorough),
        pytest.param(False, id="no-trigger"),
    ],
)
def test_database_is_incomplete_wherever_a_swap_in_steps_dies(
    site: DjangoSite, trigger: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = site.database
    database.run(
        "CREATE TABLE a (id int PRIMARY KEY)",
        "CREATE TABLE b (id int, CONSTRAINT k FOREIGN KEY (id) REFERENCES a (id))",
        "CREATE VIEW v AS SELECT id FROM a",
        "CREATE FUNCTION f(x int) RETURNS int RETURN x",
        *(["CREATE TRIGGER t BEFORE DELETE ON a FOR EACH ROW SET @x = 1"] if trigger else []),
    )
    before, dump = database.fingerprint(), dump_of(site)
    database.run("INSERT INTO a VALUES (1)", "CREATE TABLE later (n int)")
    live, execute = database.fingerprint(), MysqlSession.execute
    died_at = 0
    while True:
        left = died_at = died_at + 1

        def count(session: MysqlSession, *arguments: Any) -> None:
            nonlocal left
            if (left := left - 1) == 0:
                raise Died
            execute(session, *arguments)

        with suppress(Died), ready_to_swap(client_of(site), dump, "8.4.3") as target:
            monkeypatch.setattr(MysqlSession, "execute", count)
            try:
                target.swap()
            finally:
                monkeypatch.setattr(MysqlSession, "execute", execute)
        with client_of(site) as client:
            try:
                client.check_dump()
            except ClientError as error:
                assert "incomplete" in error.message  # noqa: PT017
            else:
                assert database.fingerprint() in (live, before)
        if left > 0:
            break
    assert died_at > 8
    assert database.fingerprint() == before
    assert database.leftovers() == []


@pytest.mark.thorough
def test_live_data_that_cannot_be_looked_at_is_unknown(
    sample_site: DjangoSite,
    backup: tuple[bytes, str],
    proxy: Proxy,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("django_rclone.clients.mysql.connection._RECONNECT_TIMEOUT", 1.0)
    dump, before = backup
    trouble = Trouble()
    with ExitStack() as stack:
        stack.enter_context(proxy.trouble(trouble))
        target = stack.enter_context(ready_to_swap(client_of(sample_site, port=proxy.port), dump))
        end = stack.enter_context(in_use(sample_site, TABLE))

        def lose_everything() -> None:
            trouble.cut_down = trouble.down

        with once_waiting(sample_site, lose_everything, end), pytest.raises(SwapUnknown):
            target.swap()
    assert sample_site.database.leftovers() != []
    with ready_to_swap(client_of(sample_site), dump) as target:
        target.swap()
    assert sample_site.database.fingerprint() == before
    assert sample_site.database.leftovers() == []


# ------------------------------------------------------------ without the right to a scratch schema


@pytest.fixture
def plain(server: MysqlServer, site: DjangoSite) -> Iterator[DjangoSite]:
    """A site whose role may do everything in its schema, and nothing elsewhere."""
    with closing(MysqlDatabase(server, may_have_scratch=False)) as database:
        site.use(database)
        yield site


@pytest.mark.thorough
def test_rehearsal_in_place_leaves_live_data_as_it_was(plain: DjangoSite) -> None:
    plain.database.add_sample()
    dump = dump_of(plain)
    plain.database.mutate()
    live = plain.database.fingerprint()
    with ready_to_swap(client_of(plain), dump):
        pass
    assert plain.database.fingerprint() == live


@pytest.mark.thorough
def test_in_place_a_table_in_use_refuses_the_swap(plain: DjangoSite) -> None:
    plain.database.run("CREATE TABLE a (id int)", "INSERT INTO a VALUES (1)")
    dump = dump_of(plain)
    plain.database.run("INSERT INTO a VALUES (2)")
    live = plain.database.fingerprint()
    client = client_of(plain, lock_timeout=1)
    with (
        ready_to_swap(client, dump) as target,
        in_use(plain, "a"),
        pytest.raises(SwapRefused, match=r"[Ll]ock wait timeout"),
    ):
        target.swap()
    assert plain.database.fingerprint() == live


def test_in_place_a_second_table_in_use_breaks_the_database(plain: DjangoSite) -> None:
    plain.database.run("CREATE TABLE a (id int)", "CREATE TABLE b (id int)")
    before, dump = plain.database.fingerprint(), dump_of(plain)
    client = client_of(plain, lock_timeout=1)
    with (
        ready_to_swap(client, dump) as target,
        in_use(plain, "b"),
        pytest.raises(SwapBroken, match="half-way") as caught,
    ):
        target.swap()
    assert "scratch schema" in caught.value.hint
    with client, pytest.raises(ClientError, match="incomplete"):
        client.check_dump()
    with ready_to_swap(client, dump) as target:
        target.swap()
    assert plain.database.fingerprint() == before

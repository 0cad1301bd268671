"""SIGTERM and Ctrl-C end every command at once, whatever it waits for."""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from functools import partial
from typing import Any

import pytest

from tests.integration.clients.mysql.test_connections import WITH_PYMYSQL
from tests.support.databases import Database, MysqlDatabase, PostgresqlDatabase
from tests.support.processes import MARK, marked, wait_until, wait_until_gone
from tests.support.site import DjangoSite

_MIGRATIONS = (
    "CREATE TABLE django_migrations (id integer PRIMARY KEY, app varchar(99), "
    "name varchar(99), applied timestamp)"
)
# More than the five seconds that are promised, since this machine may be busy, and well
# below the minute after which the server ends the wait.
_AT_ONCE = 25


@pytest.fixture
def database(request: pytest.FixtureRequest, site: DjangoSite) -> Iterator[Database]:
    vendor = request.param.replace("pymysql", "mysql")
    kind: Any = PostgresqlDatabase if vendor == "postgresql" else MysqlDatabase
    if vendor != request.param:
        site.extra_settings = WITH_PYMYSQL
        kind = partial(kind, password="secret")
    with closing(kind(request.getfixturevalue(f"{vendor}_server"))) as database:
        database.add_entries()
        database.run(_MIGRATIONS)
        site.use(database)
        yield database


@contextmanager
def locked(database: Database, statement: str) -> Iterator[None]:
    """Hold a lock for the block, by a session of the server's superuser."""
    server: Any = database.server  # type: ignore[attr-defined]
    name: str = database.name  # type: ignore[attr-defined]
    with closing(server.connect(name)) as connection, closing(connection.cursor()) as cursor:
        for one in statement.split(";"):
            cursor.execute(one)
        yield


def is_waiting(database: Database) -> bool:
    query = {
        "postgresql": "SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock' "
        f"AND usename = '{database.settings['USER']}'",
        "mysql": "SELECT id FROM information_schema.processlist WHERE state LIKE 'Waiting for%' "
        f"AND user = '{database.settings['USER']}'",
    }[database.vendor]
    return bool(database.rows(query))


def end(process: "subprocess.Popen[str]", number: signal.Signals) -> str:
    process.send_signal(number)
    try:
        _, errors = process.communicate(timeout=_AT_ONCE)
    except subprocess.TimeoutExpired:
        # Python's faulthandler shows what it waits for.
        process.send_signal(signal.SIGABRT)
        _, errors = process.communicate()
        raise AssertionError(f"{number.name} was not noticed\n{errors}") from None
    assert process.returncode == 128 + number
    assert "Traceback" not in errors, errors
    return errors


LOCKS = {
    "postgresql": {
        "migrations": "BEGIN; LOCK TABLE django_migrations IN ACCESS EXCLUSIVE MODE",
        "table": "BEGIN; LOCK TABLE entry IN ACCESS EXCLUSIVE MODE",
        "everything": "BEGIN; LOCK TABLE entry, django_migrations IN ACCESS EXCLUSIVE MODE",
    },
    "mysql": {
        "migrations": "LOCK TABLES django_migrations WRITE",
        "table": "LOCK TABLES entry WRITE",
        "everything": "FLUSH TABLES WITH READ LOCK",
    },
}
CASES = [
    ("mysql", "dbbackup", "migrations", signal.SIGTERM),
    ("mysql", "dbbackup", "table", signal.SIGINT),
    ("postgresql", "dbbackup", "table", signal.SIGINT),
    ("postgresql", "dbrestore", "table", signal.SIGTERM),
    ("postgresql", "dbrestore", "everything", signal.SIGINT),
    ("postgresql", "dbbackup", "migrations", signal.SIGTERM),
    # A lock on one table is met in the swap.
    ("mysql", "dbrestore", "table", signal.SIGTERM),
    ("mysql", "dbrestore", "everything", signal.SIGINT),
    pytest.param("pymysql", "dbrestore", "table", signal.SIGINT, marks=pytest.mark.thorough),
    ("pymysql", "dbrestore", "everything", signal.SIGTERM),
]


@pytest.mark.parametrize(("database", "command", "lock", "number"), CASES, indirect=["database"])
def test_a_command_that_waits_for_a_lock_is_ended(
    command: str, lock: str, number: signal.Signals, site: DjangoSite, database: Database
) -> None:
    require_ended(site, command, LOCKS[database.vendor][lock], number)


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
@pytest.mark.parametrize(
    ("command", "lock"),
    [
        # A question, asked in the thread that gets the signals.
        ("dbbackup", "BEGIN; LOCK TABLE child IN ACCESS EXCLUSIVE MODE"),
        ("dbrestore", LOCKS["postgresql"]["everything"]),
        ("dbbackup", LOCKS["postgresql"]["migrations"]),
    ],
)
def test_psycopg2_waiting_for_a_lock_is_ended(
    command: str, lock: str, site: DjangoSite, database: PostgresqlDatabase
) -> None:
    """It waits in C, where Python runs no handlers of signals."""
    site.extra_settings = "import sys\nsys.modules['psycopg'] = None\n"
    database.run(
        "CREATE TABLE parent (id integer PRIMARY KEY); CREATE TABLE child (parent integer REFERENCES parent)"
    )
    if command == "dbbackup":
        database.options["exclude_data"] = ["parent"]
    require_ended(site, command, lock, signal.SIGTERM)


def require_ended(site: DjangoSite, command: str, lock: str, number: signal.Signals) -> None:
    """Fail unless a signal ends a command that waits for a lock, and nothing has changed."""
    database = site.database
    if command == "dbrestore":
        site.call("dbbackup")
    before = database.fingerprint()
    stored = site.stored()
    options = ("--noinput",) if command == "dbrestore" else ()
    with locked(database, lock):
        process = site.start(command, *options, env={"PYTHONFAULTHANDLER": "1"})
        try:
            wait_until(lambda: is_waiting(database) or process.poll() is not None, "no wait")
            assert process.poll() is None, process.communicate()
            end(process, number)
        finally:
            process.kill()
            process.communicate()
    # The server does not go on with what it waited for.
    database.wait_until_idle()
    assert database.fingerprint() == before
    assert database.leftovers() == []
    assert site.stored() == stored


HANGING = {
    "dbbackup": ("rcat*sqlite3*", ()),
    "dbrestore": ("cat*sqlite3.zst", ("--noinput",)),
    "mediabackup": ("*media*", ()),
    "mediarestore": ("*media*", ("--noinput",)),
    "listbackups": ("*db/*", ()),
}
"""The calls of rclone that hang, and the options of the command."""


@contextmanager
def hanging(command: str, site: DjangoSite) -> Iterator["subprocess.Popen[str]"]:
    """Start a command whose rclone hangs, and fail if it leaves a process behind."""
    calls, options = HANGING[command]
    begun = site.folder / "hanging"
    site.fake_rclone(calls, f"touch {begun}\nexec sleep 600")
    mark = str(site.folder)
    process = site.start(command, *options, env={MARK: mark})
    try:
        wait_until(lambda: begun.exists() or process.poll() is not None, "rclone did not start")
        assert process.poll() is None, process.communicate()
        yield process
        wait_until_gone(lambda: marked(mark))
    finally:
        # What a failed test has stopped would stay for ever.
        for left in marked(mark):
            with suppress(ProcessLookupError):
                os.kill(left, signal.SIGKILL)
        process.communicate()


@pytest.mark.parametrize("command", HANGING)
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_command_that_waits_for_the_remote_is_ended(
    command: str, number: signal.Signals, site: DjangoSite
) -> None:
    site.write_media({"a.txt": b"a"})
    site.call("dbbackup")
    site.call("mediabackup")
    with hanging(command, site) as process:
        end(process, number)


@pytest.mark.thorough
@pytest.mark.parametrize("command", ["dbbackup", "dbrestore"])
def test_a_command_is_ended_while_rclone_is_frozen(command: str, site: DjangoSite) -> None:
    """It does not answer when the lock is to be given back, and hears of no SIGTERM."""
    site.call("dbbackup")
    with hanging(command, site) as process:
        for other in set(marked(str(site.folder))) - {process.pid}:
            os.kill(other, signal.SIGSTOP)
        end(process, signal.SIGTERM)

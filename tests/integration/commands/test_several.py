"""``dbbackup --all``: every database is tried, and each is stored once."""

import signal
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from django.core.management.base import CommandError
from django.db import connections, transaction

from django_rclone.signals import pre_db_backup
from tests.support.processes import MARK, marked, wait_until, wait_until_gone
from tests.support.site import DjangoSite

BROKEN = '''\
"""A client that breaks at one step, in one way."""
from contextlib import contextmanager
from django_rclone.clients.sqlite import SqliteClient
import django.db, sqlite3


class BrokenClient(SqliteClient):
    def __init__(self, connection, *, step, error):
        self._broken = step, error
        super().__init__(connection)
        self._break("__init__")

    def _break(self, step):
        if self._broken[0] == step:
            raise eval(self._broken[1])

    def check_dump(self):
        self._break("check_dump")

    def dump_warnings(self):
        self._break("dump_warnings")
        return ()

    def versions(self):
        self._break("versions")
        return super().versions()

    def applied_migrations(self):
        self._break("applied_migrations")
        return ()

    @contextmanager
    def dump(self, *, stall_timeout):
        self._break("dump")
        with super().dump(stall_timeout=stall_timeout) as dump:
            yield dump
        self._break("after the dump")
'''
STEPS = (
    *("check_dump", "dump_warnings", "dump", "applied_migrations", "after the dump", "versions"),
    "__init__",
)


@pytest.fixture
def broken(site: DjangoSite, monkeypatch: pytest.MonkeyPatch) -> Any:
    (site.folder / "broken_client.py").write_text(BROKEN)
    monkeypatch.syspath_prepend(str(site.folder))
    site.add_database("broken")
    site.add_database("stats")
    site.databases = {alias: site.databases[alias] for alias in ("broken", "default", "stats")}

    def break_it(step: str, error: str) -> None:
        options = {"step": step, "error": error}
        client = {"BACKEND": "broken_client.BrokenClient", "OPTIONS": options}
        site.rclone["CLIENTS"] = {"broken": client}

    return break_it


def failure_of(site: DjangoSite, *options: str) -> str:
    with pytest.raises(CommandError) as failed:
        site.call("dbbackup", "--all", "--clean", *options)
    assert failed.value.returncode == 1
    assert {backup["database"] for backup in site.backups()} == {"default", "stats"}
    return str(failed.value)


@pytest.mark.parametrize("step", STEPS)
def test_whatever_a_client_raises_the_other_databases_are_backed_up(
    step: str, site: DjangoSite, broken: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    broken(step, "KeyError('what nobody thought of')")
    text = failure_of(site)
    assert "'broken' was not backed up: unexpected KeyError: 'what nobody thought of'" in text
    errors = capsys.readouterr().err
    assert "Traceback" in errors
    assert "broken_client.py" in errors


@pytest.mark.parametrize(
    "error",
    [
        "django.db.OperationalError('statement timeout')",
        "django.db.InterfaceError('connection already closed')",
        "django.db.ProgrammingError('permission denied for table entry\\nDETAIL: row (1, secret)')",
        "sqlite3.OperationalError('disk I/O error')",
        "ValueError('secret')",
        "SystemExit(3)",
        "NotImplementedError()",
    ],
)
def test_errors_of_the_driver_are_told_in_a_sentence(
    error: str, site: DjangoSite, broken: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    broken("check_dump", error)
    text = failure_of(site)
    if "Error('" in error and "ValueError" not in error:
        assert "The database reported an error: " in text
        assert "secret" not in text
        assert "Traceback" not in capsys.readouterr().err
    else:
        assert "unexpected" in text


def test_a_receiver_that_raises_does_not_keep_the_others_from_being_backed_up(
    site: DjangoSite, broken: Any
) -> None:
    site.extra_settings = (
        "from django_rclone.signals import pre_db_backup\n"
        "def veto(database, **kwargs):\n    if database == 'broken':\n        None + 1\n"
        "pre_db_backup.connect(veto)\n"
    )
    done = site.manage("dbbackup", "--all")
    assert done.returncode == 4
    assert {backup["database"] for backup in site.backups()} == {"default", "stats"}


MEETING = '''\
"""A client whose dumps wait for each other, or for a program that does not end."""
import threading
from contextlib import contextmanager
from django_rclone.clients.sqlite import SqliteClient
from django_rclone.processes import Command, Process

met = threading.Barrier(2, timeout=120)


class MeetingClient(SqliteClient):
    @contextmanager
    def dump(self, *, stall_timeout):
        with super().dump(stall_timeout=stall_timeout) as dump:
            met.wait()
            yield dump


class EndlessClient(SqliteClient):
    @contextmanager
    def dump(self, *, stall_timeout):
        script = f"echo begun >> {self._require_path()}.begun; exec sleep 600"
        with Process(Command(argv=("sh", "-c", script))) as process:
            yield process
'''


@pytest.fixture
def meeting(site: DjangoSite, monkeypatch: pytest.MonkeyPatch) -> DjangoSite:
    """A site with three databases."""
    (site.folder / "meeting_client.py").write_text(MEETING)
    monkeypatch.syspath_prepend(str(site.folder))
    site.add_database("other")
    site.add_database("stats")
    return site


def use_client(site: DjangoSite, name: str, *aliases: str) -> None:
    site.rclone["CLIENTS"] = {alias: {"BACKEND": f"meeting_client.{name}"} for alias in aliases}


def test_jobs_back_up_databases_at_once(meeting: DjangoSite) -> None:
    meeting.rclone["DB_CLEANUP_KEEP"] = 1
    use_client(meeting, "MeetingClient", "default", "stats")
    for _ in range(2):
        said = meeting.call("dbbackup", "--all", "--clean", "--jobs", "3")
    assert sorted(backup["database"] for backup in meeting.backups()) == [
        "default",
        "other",
        "stats",
    ]
    lines = said.splitlines()
    for start, count in (("Backing up database '", 3), ("Stored db/", 3), ("Deleted db/", 3)):
        assert sum(line.startswith(start) for line in lines) == count, said
    assert len(lines) == 9


def test_jobs_fail_as_one_after_the_other_does(
    site: DjangoSite, broken: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    broken("dump", "KeyError('what nobody thought of')")
    text = failure_of(site, "--jobs", "2")
    assert "'broken' was not backed up: unexpected KeyError: 'what nobody thought of'" in text
    assert "Warning: database 'broken': Unexpected error" in capsys.readouterr().err


def test_jobs_leave_no_connection_of_a_thread_open(meeting: DjangoSite) -> None:
    used: list[Any] = []

    def ask(database: str, **_: object) -> None:
        connections[database].ensure_connection()
        used.append(connections[database])

    pre_db_backup.connect(ask)
    try:
        meeting.call("dbbackup", "--all", "--jobs", "3")
    finally:
        pre_db_backup.disconnect(ask)
    assert len({id(connection) for connection in used}) == 3
    assert [connection.connection for connection in used] == [None] * 3


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_ends_all_jobs_and_each_fails_once(
    meeting: DjangoSite, number: signal.Signals
) -> None:
    use_client(meeting, "EndlessClient", "default", "stats", "other")
    events = meeting.folder / "events"
    meeting.extra_settings = (
        "from django_rclone.signals import operation_changed\n"
        f"def note(event, **kwargs):\n    open({str(events)!r}, 'a').write("
        "f'{event.database} {event.state} {event.error_type}\\n')\n"
        "operation_changed.connect(note)\n"
    )
    mark = str(meeting.folder)
    process = meeting.start("dbbackup", "--all", "--jobs", "2", "--retries", "3", env={MARK: mark})
    try:
        wait_until(
            lambda: len([*meeting.folder.glob("*.begun")]) == 2 or process.poll() is not None,
            "the dumps did not begin",
        )
        process.send_signal(number)
        _, errors = process.communicate(timeout=240)
    finally:
        process.kill()
        process.communicate()
    assert process.returncode == 128 + number, errors
    assert "Traceback" not in errors
    kind = "KeyboardInterrupt" if number == signal.SIGINT else "OperationInterrupted"
    noted = sorted(events.read_text().splitlines())
    begun = sorted(path.name.partition(".")[0] for path in meeting.folder.glob("*.begun"))
    assert noted == sorted(
        f"{alias} {state}" for alias in begun for state in ("started None", f"failed {kind}")
    )
    assert meeting.stored() == []
    wait_until_gone(lambda: marked(mark))


@pytest.mark.parametrize("jobs", ["0", "-1", "65", "two"])
def test_wrong_number_of_jobs_is_refused(site: DjangoSite, jobs: str) -> None:
    with pytest.raises(CommandError, match="must be a whole number from 1 to 64"):
        site.call("dbbackup", f"--jobs={jobs}")


def alias_of(site: DjangoSite, alias: str, **settings: Any) -> None:
    site.databases[alias] = {**site.databases["default"], **settings}


def test_a_second_alias_for_a_file_is_stored_once(site: DjangoSite, tmp_path: Path) -> None:
    link = tmp_path / "link.sqlite3"
    link.symlink_to(site.database.path)
    alias_of(site, "again")
    alias_of(site, "link", NAME=link)
    alias_of(site, "uri", NAME=f"file:{site.database.path}?mode=ro")
    printed = site.call("dbbackup", "--all")
    assert [backup["database"] for backup in site.backups()] == ["default"]
    for alias in ("again", "link", "uri"):
        assert f"Database '{alias}' is the same as 'default'" in printed


@pytest.mark.thorough
def test_a_second_alias_is_backed_up_when_it_is_named(site: DjangoSite) -> None:
    alias_of(site, "again")
    site.call("dbbackup", "-d", "again", "-d", "default")
    assert {backup["database"] for backup in site.backups()} == {"again", "default"}


@pytest.mark.thorough
def test_a_second_alias_with_another_client_is_stored_too(site: DjangoSite, broken: Any) -> None:
    broken("no step", "ValueError()")
    alias_of(site, "broken")
    printed = site.call("dbbackup", "--all")
    assert "the same" not in printed
    assert {backup["database"] for backup in site.backups()} == {"broken", "default", "stats"}


def test_a_mirror_is_stored_once(site: DjangoSite) -> None:
    site.add_database("stats")
    site.databases["replica"] = {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": "shop",
        "HOST": "replica.example",
        "TEST": {"MIRROR": "default"},
    }
    site.databases["chain"] = {**site.databases["replica"], "TEST": {"MIRROR": "stats"}, "PORT": 1}
    printed = site.call("dbbackup", "--all")
    assert "Database 'replica' is the same as 'default'" in printed
    assert "Database 'chain' is the same as 'stats'" in printed
    assert {backup["database"] for backup in site.backups()} == {"default", "stats"}


@pytest.mark.thorough
def test_mirrors_of_each_other_are_not_both_left_out(site: DjangoSite) -> None:
    site.add_database("stats", TEST={"MIRROR": "default"})
    site.databases["default"]["TEST"] = {"MIRROR": "stats"}
    site.call("dbbackup", "--all")
    assert {backup["database"] for backup in site.backups()} == {"default", "stats"}


def insert(site: DjangoSite) -> None:
    with connections["default"].cursor() as cursor:
        cursor.execute("INSERT INTO entry (id, title) VALUES (1001, 'kept')")


def rows(site: DjangoSite) -> int:
    with closing(sqlite3.connect(site.database.path)) as live:
        count: int = live.execute("SELECT count(*) FROM entry").fetchone()[0]
    return count


ORM = {"BACKEND": "django_rclone.clients.orm.OrmClient"}
COMMANDS = (["dbbackup"], ["dbrestore", "--noinput"])


@pytest.mark.parametrize(
    ("command", "client"), [(COMMANDS[0], None), (COMMANDS[0], ORM), (COMMANDS[1], None)]
)
def test_unsaved_work_with_autocommit_off_is_refused_and_not_lost(
    command: list[str], client: dict[str, str] | None, site: DjangoSite
) -> None:
    site.call("dbbackup")
    if client:
        site.rclone["CLIENTS"] = {"default": client}
    transaction.set_autocommit(False)
    try:
        insert(site)
        with pytest.raises(CommandError, match="transaction is open"):
            site.call(*command)
        transaction.commit()
    finally:
        transaction.set_autocommit(True)
    assert rows(site) == 501


@pytest.mark.parametrize("command", COMMANDS)
def test_a_transaction_begun_by_a_statement_is_refused_and_not_lost(
    command: list[str], site: DjangoSite
) -> None:
    site.call("dbbackup")
    with connections["default"].cursor() as cursor:
        cursor.execute("BEGIN")
    insert(site)
    with pytest.raises(CommandError, match="transaction is open"):
        site.call(*command)
    with connections["default"].cursor() as cursor:
        cursor.execute("COMMIT")
    assert rows(site) == 501


@pytest.mark.thorough
def test_a_site_with_autocommit_off_is_backed_up(site: DjangoSite) -> None:
    site.databases["default"]["AUTOCOMMIT"] = False
    done = site.manage("dbbackup")
    assert done.returncode == 0, done.stderr

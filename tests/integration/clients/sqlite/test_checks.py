"""What the check for damage sees: with the site's functions, and without."""

import json
import os
import re
import signal
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from django.core.management.base import CommandError
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created

from django_rclone.clients.sqlite.checking import integrity_of, open_as_site
from django_rclone.exceptions import OperationInterrupted
from django_rclone.interrupts import deferred_signals
from tests.support.site import DjangoSite

SCHEMA = """
CREATE TABLE slug (a TEXT, b TEXT GENERATED ALWAYS AS (shop_slug(a)) STORED, CHECK (shop_slug(a) <> 'no'));
CREATE INDEX slug_index ON slug (shop_slug(a));
CREATE INDEX slug_partial ON slug (a) WHERE shop_slug(a) = 'b';
CREATE TABLE word (a TEXT COLLATE shop_order PRIMARY KEY, b TEXT) WITHOUT ROWID;
CREATE INDEX word_index ON word (b COLLATE shop_order);
CREATE VIEW slugs AS SELECT shop_slug(a) FROM slug;
INSERT INTO slug (a) VALUES ('A'), ('B');
INSERT INTO word VALUES ('b', 'B'), ('a', 'A');
"""


def register(connection: sqlite3.Connection) -> None:
    connection.create_function("shop_slug", 1, str.lower, deterministic=True)
    connection.create_collation("shop_order", lambda a, b: (a > b) - (a < b))


@pytest.fixture
def receiver() -> Iterator[None]:
    """Let a site register its functions as Django's documentation says."""

    def prepare(connection: Any, **_: object) -> None:
        if connection.vendor == "sqlite":
            # Of the site's own: what a receiver does must not reach a private copy.
            connection.cursor().execute("PRAGMA journal_mode = wal")
            connection.cursor().execute("CREATE TABLE IF NOT EXISTS made_by_receiver (id)")
            register(connection.connection)

    connection_created.connect(prepare)
    yield
    connection_created.disconnect(prepare)


def add_schema(site: DjangoSite, *first: str) -> None:
    with closing(site.database.connect()) as connection:
        register(connection)
        for statement in (*first, SCHEMA):
            connection.executescript(statement)


def schema_of(site: DjangoSite) -> list[Any]:
    found: list[Any] = site.database.rows("SELECT * FROM sqlite_master ORDER BY rowid")
    return found


def damage_index(site: DjangoSite) -> None:
    """Let an index be ordered otherwise than its definition says."""
    site.database.run(
        "CREATE TABLE broken (a TEXT); CREATE INDEX broken_index ON broken (a);"
        "INSERT INTO broken VALUES ('x'), ('y');"
        "PRAGMA writable_schema = ON;"
        "UPDATE sqlite_master SET sql = 'CREATE INDEX broken_index ON broken (a DESC)'"
        " WHERE name = 'broken_index';"
    )


def use_limit(site: DjangoSite, limit: object) -> None:
    site.rclone["CLIENTS"] = {"default": {"OPTIONS": {"full_check_limit": limit}}}


@pytest.mark.usefixtures("receiver")
@pytest.mark.parametrize("encoding", ["UTF-8", "UTF-16le", "UTF-16be"])
def test_functions_of_receivers_are_there_for_the_check(site: DjangoSite, encoding: str) -> None:
    site.database.path.unlink()
    add_schema(site, f"PRAGMA encoding = '{encoding}'")
    before = schema_of(site)
    assert "check for damage" not in site.call("dbbackup")
    site.database.run("DROP TABLE word")
    site.restore()
    assert [one for one in schema_of(site) if "receiver" not in one[1]] == before


def test_what_cannot_be_checked_is_named_and_not_called_damaged(
    site: DjangoSite, capsys: pytest.CaptureFixture[str]
) -> None:
    add_schema(site)
    before = schema_of(site)
    site.call("dbbackup")
    said = capsys.readouterr().err
    assert "the indexes of table slug (unknown function: shop_slug())" in said
    assert "table word (no such collation sequence: shop_order)" in said
    assert "connection_created" in said
    site.database.run("DROP TABLE slug")
    site.restore()
    assert schema_of(site) == before


def test_damage_is_found_also_where_something_cannot_be_checked(site: DjangoSite) -> None:
    add_schema(site)
    damage_index(site)
    with pytest.raises(CommandError, match="damaged"):
        site.call("dbbackup")


@pytest.mark.parametrize(
    ("limit", "check"),
    [(None, "integrity_check"), (1 << 20, "integrity_check"), (0, "quick_check")],
)
def test_manifest_says_how_the_file_was_checked(
    site: DjangoSite, limit: int | None, check: str
) -> None:
    use_limit(site, limit)
    dump = site.back_up()
    assert json.loads(Path(f"{dump}.json").read_bytes())["damage_check"] == check


def test_index_that_differs_from_its_table_is_restored_as_it_is_from_a_large_file(
    site: DjangoSite,
) -> None:
    damage_index(site)
    with pytest.raises(CommandError, match="damaged"):
        site.call("dbbackup")
    use_limit(site, 0)
    site.call("dbbackup")
    before = schema_of(site)
    site.database.run("DROP TABLE broken")
    site.restore()
    assert schema_of(site) == before
    site.database.run("REINDEX")
    assert site.database.rows("PRAGMA integrity_check") == [("ok",)]


def test_damage_of_indexes_alone_is_mended_by_what_the_hint_says(site: DjangoSite) -> None:
    damage_index(site)
    with pytest.raises(CommandError, match="The rows are whole") as refused:
        site.call("dbbackup")
    program = re.search(r'manage\.py shell -c "(.+?)"', str(refused.value))
    assert program
    done = site.manage("shell", "-c", program[1])
    assert done.returncode == 0, done.stderr
    site.call("dbbackup")


def test_rehearsal_finds_an_index_that_differs_from_its_table(site: DjangoSite) -> None:
    damage_index(site)
    use_limit(site, 0)
    site.call("dbbackup")
    with pytest.raises(CommandError, match="holds a damaged database"):
        site.call("dbverify")


def test_damaged_page_of_a_large_file_fails_the_backup(site: DjangoSite) -> None:
    use_limit(site, 0)
    [(page, size)] = site.database.rows(
        "SELECT rootpage, page_size FROM sqlite_master, pragma_page_size WHERE name = 'entry'"
    )
    with site.database.path.open("r+b") as file:
        file.seek((page - 1) * size + 3)
        file.write(b"\xff\xff")
    with pytest.raises(CommandError, match="damaged"):
        site.call("dbbackup")
    assert site.stored() == []


@pytest.mark.parametrize("limit", [-1, "64 MB", True])
def test_wrong_limit_of_the_full_check_is_named(site: DjangoSite, limit: object) -> None:
    use_limit(site, limit)
    with pytest.raises(CommandError, match="full_check_limit must be a number of bytes, or None"):
        site.call("dbbackup")


def test_many_rows_that_break_a_constraint_do_not_hide_damage(site: DjangoSite) -> None:
    site.database.run(
        "CREATE TABLE required (a TEXT, b TEXT); CREATE INDEX required_b ON required (b);"
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300)"
        " INSERT INTO required SELECT NULL, i FROM n;"
        "PRAGMA writable_schema = ON;"
        "UPDATE sqlite_master SET sql = 'CREATE TABLE required (a TEXT NOT NULL, b TEXT)'"
        " WHERE name = 'required';"
    )
    site.call("dbbackup")
    site.database.run(
        "PRAGMA writable_schema = ON;"
        "UPDATE sqlite_master SET sql = 'CREATE INDEX required_b ON required (b DESC)'"
        " WHERE name = 'required_b';"
    )
    with pytest.raises(CommandError, match="damaged"):
        site.call("dbbackup")


def test_signal_interrupts_a_check(site: DjangoSite) -> None:
    calls = 0
    site.database.run(
        "CREATE TABLE slow (a TEXT);"
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000)"
        " INSERT INTO slow SELECT i FROM n;"
    )
    with closing(site.database.connect()) as connection:
        connection.create_function("slowly", 1, lambda text: text, deterministic=True)
        connection.execute("CREATE INDEX slow_index ON slow (slowly(a))")
    begun = threading.Event()

    def slowly(text: str) -> str:
        nonlocal calls
        calls += 1
        begun.set()
        time.sleep(0.01)
        return text

    def prepare(connection: Any, **_: object) -> None:
        connection.connection.create_function("slowly", 1, slowly, deterministic=True)

    def interrupt() -> None:
        begun.wait()
        os.kill(os.getpid(), signal.SIGTERM)

    connection_created.connect(prepare)
    killer = threading.Thread(target=interrupt)
    wrapper: BaseDatabaseWrapper = connections["default"]
    try:
        with closing(open_as_site(wrapper, site.database.path)) as opened:
            killer.start()
            with pytest.raises(OperationInterrupted), deferred_signals():
                integrity_of(opened)
    finally:
        connection_created.disconnect(prepare)
        killer.join()
    assert calls < 5000

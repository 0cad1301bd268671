"""What is said of foreign keys is what SQLite's own check says."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import pytest
import pytest_django
from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.utils import Error
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from django_rclone.clients.sqlite import foreign_keys
from django_rclone.clients.sqlite.foreign_keys import broken_foreign_keys


@pytest.fixture(autouse=True)
def _may_connect(django_db_blocker: pytest_django.DjangoDbBlocker) -> Iterator[None]:
    with django_db_blocker.unblock():
        yield


@contextmanager
def made(*statements: str) -> Iterator[BaseDatabaseWrapper]:
    """Yield a connection to a database in memory, made without looking at foreign keys."""
    database = connection.copy()
    database.settings_dict["NAME"] = ":memory:"
    database.connect()
    # That of Django leaves a database in memory open.
    with closing(database.connection), database.cursor() as cursor:
        database.disable_constraint_checking()
        for statement in statements:
            cursor.execute(statement)
        yield database


def said_by_sqlite(database: BaseDatabaseWrapper) -> set[str]:
    with database.cursor() as cursor:
        return {row[0] for row in cursor.execute("PRAGMA foreign_key_check").fetchall()}


types = st.sampled_from(
    ["INTEGER", "TEXT", "REAL", "NUMERIC", "BLOB", "", "TEXT COLLATE NOCASE", "TEXT COLLATE RTRIM"]
)
values = st.sampled_from(
    [
        "1",
        "2",
        "1.0",
        "'1'",
        "'01'",
        "'a'",
        "'A'",
        "'a '",
        "x'61'",
        "1.5",
        "NULL",
        "9007199254740993",
    ]
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(types, types, st.lists(values, max_size=5), st.lists(values, max_size=4), st.booleans())
def test_tables_are_those_that_sqlite_names(
    there: str, here: str, parents: list[str], children: list[str], indexed: bool
) -> None:
    with made(
        f"CREATE TABLE parent (k {there}, UNIQUE (k))",
        f"CREATE TABLE child (k {here} REFERENCES parent (k))",
        *(["CREATE INDEX child_k ON child (k)"] if indexed else []),
        *(f"INSERT OR IGNORE INTO parent VALUES ({value})" for value in parents),
        *(f"INSERT INTO child VALUES ({value})" for value in children),
    ) as database:
        assert set(broken_foreign_keys(database)) == said_by_sqlite(database)


SHAPES = {
    "names": (
        'CREATE TABLE "a ""b" (i INTEGER PRIMARY KEY)',
        'CREATE TABLE "c %s" (i INTEGER PRIMARY KEY, up REFERENCES "a ""b")',
        'INSERT INTO "a ""b" VALUES (1)',
        'INSERT INTO "c %s" VALUES (1, {})',
    ),
    "pairs": (
        "CREATE TABLE pair (x, y, PRIMARY KEY (x, y)) WITHOUT ROWID",
        "CREATE TABLE half (x, y, FOREIGN KEY (x, y) REFERENCES pair)",
        "INSERT INTO pair VALUES (1, 1)",
        "INSERT INTO half VALUES ({}, 1), (NULL, 5)",
    ),
    "tree": (
        "CREATE TABLE tree (i INTEGER PRIMARY KEY, up INTEGER REFERENCES tree (i))",
        "INSERT INTO tree VALUES (1, NULL), (2, {})",
    ),
}


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_keys_of_every_shape_are_proven_or_broken(
    monkeypatch: pytest.MonkeyPatch, shape: tuple[str, ...]
) -> None:
    with made(*(statement.replace("{}", "9") for statement in shape)) as database:
        assert set(broken_foreign_keys(database)) == said_by_sqlite(database) != set()
    # Proven by the query: SQLite's own check is not asked.
    proven: list[bool] = []
    is_proven = foreign_keys._is_proven

    def noted(*arguments: Any) -> bool:
        proven.append(is_proven(*arguments))
        return proven[-1]

    monkeypatch.setattr(foreign_keys, "_is_proven", noted)
    with made(*(statement.replace("{}", "1") for statement in shape)) as database:
        assert broken_foreign_keys(database) == []
    assert set(proven) == {True}


def test_a_key_to_what_has_no_index_cannot_be_checked() -> None:
    tables = ("CREATE TABLE p (k)", "CREATE TABLE c (k REFERENCES p (k))")
    with made(*tables) as database, pytest.raises(Error, match="foreign key mismatch"):
        broken_foreign_keys(database)


def test_a_key_to_a_table_that_is_gone_is_broken_if_it_is_used() -> None:
    tables = ("CREATE TABLE c (k REFERENCES gone (k))", "CREATE TABLE d (k REFERENCES gone)")
    with made(*tables) as database:
        assert broken_foreign_keys(database) == []
    with made(*tables, "INSERT INTO c VALUES (1)", "INSERT INTO d VALUES (NULL)") as database:
        assert broken_foreign_keys(database) == ["c"]

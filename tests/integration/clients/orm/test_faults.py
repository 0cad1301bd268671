"""What goes wrong: hostile dumps, lost connections, locks, and what others write meanwhile."""

import json
import sqlite3
import tracemalloc
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from typing import Any

import pytest
from django.db import connections
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from django_rclone.clients.orm.checks import dump_warnings
from django_rclone.clients.orm.deferred import unsatisfiable_models
from django_rclone.clients.orm.tables import tables_of
from django_rclone.exceptions import ClientError, SwapRefused
from tests.integration.clients.orm import sample_data
from tests.integration.clients.orm.orm_site import ALIAS, OrmSite

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)
HOSTILE = settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def refused(orm_site: OrmSite, dump: bytes, **options: Any) -> ClientError:
    """Restore what must be refused; return how, once nothing has changed."""
    with (  # noqa: PT012 - by either of them
        pytest.raises(ClientError) as caught,
        orm_site.client(**options) as client,
        client.restore() as target,
    ):
        target.write(dump)
        target.finish()
    assert orm_site.connection.connection is None
    return caught.value


def test_a_dump_cut_after_any_line_is_refused(sqlite_orm_site: OrmSite) -> None:
    lines = sqlite_orm_site.dump().splitlines(keepends=True)
    sqlite_orm_site.mutate()
    live = sqlite_orm_site.fingerprint()
    places = {*range(12), *range(12, len(lines), 17), len(lines) - 2, len(lines) - 1}
    for place in places:
        refused(sqlite_orm_site, b"".join(lines[:place]))
    assert sqlite_orm_site.fingerprint() == live


@pytest.mark.parametrize("way", ["lost", "doubled", "moved", "after the end", "counted wrong"])
def test_lines_that_are_not_where_they_were_are_refused(orm_site: OrmSite, way: str) -> None:
    lines = orm_site.dump().splitlines(keepends=True)
    orm_site.mutate()
    live = orm_site.fingerprint()
    [tags] = [n for n, line in enumerate(lines) if line == b'{"model":"sample_models.Tag"}\n']
    if way == "lost":
        del lines[tags + 1]
    elif way == "doubled":
        lines.insert(tags + 1, lines[tags + 1].replace("ü".encode(), b"more"))
    elif way == "moved":
        lines.append(lines.pop(tags))
    elif way == "after the end":
        lines.append(lines[tags + 1])
    else:
        counts = json.loads(lines[-1])
        counts["rows"]["sample_models.Tag"] += 1
        lines[-1] = json.dumps(counts).encode() + b"\n"
    refused(orm_site, b"".join(lines))
    assert orm_site.fingerprint() == live


@HOSTILE
@given(number=st.integers(0, 10_000), value=JSON)
def test_any_line_in_the_place_of_another_is_refused_or_harmless(
    sqlite_orm_site: OrmSite, number: int, value: Any
) -> None:
    lines = _dump_of(sqlite_orm_site).splitlines(keepends=True)
    lines[number % len(lines)] = json.dumps(value).encode() + b"\n"
    refused(sqlite_orm_site, b"".join(lines))


@HOSTILE
@given(table=st.integers(0, 10_000), column=st.integers(0, 10_000), value=JSON)
def test_any_value_in_the_place_of_another_is_refused_or_restored(
    orm_site: OrmSite, table: int, column: int, value: Any
) -> None:
    lines = _dump_of(orm_site).splitlines(keepends=True)
    rows = [number for number, line in enumerate(lines) if line.startswith(b"[")]
    chosen = rows[table % len(rows)]
    row = json.loads(lines[chosen])
    row[column % len(row)] = value
    lines[chosen] = json.dumps(row).encode() + b"\n"
    # Never anything but ClientError; a row that fits is as good as the one before.
    with suppress(ClientError):
        orm_site.restore(b"".join(lines))


@HOSTILE
@given(noise=st.binary(max_size=200), place=st.floats(0, 1))
def test_any_bytes_within_are_refused(sqlite_orm_site: OrmSite, noise: bytes, place: float) -> None:
    dump = _dump_of(sqlite_orm_site)
    middle = int(len(dump) * place)
    # A new line amid what is there breaks whatever the noise may be.
    refused(sqlite_orm_site, dump[:middle] + b"\x00\n" + noise + dump[middle:])


@pytest.mark.parametrize(
    "line",
    [
        b"[" * 100_000,
        b"9" * 10_000,
        b"[NaN]",
        b"\xff\xfe",
        b'{"model":["sample_models.Tag"]}',
        b"{}",
        b"",
    ],
)
def test_lines_that_break_parsers_are_refused(sqlite_orm_site: OrmSite, line: bytes) -> None:
    header, _, rest = sqlite_orm_site.dump().partition(b"\n")
    refused(sqlite_orm_site, line + b"\n" + header + b"\n" + rest)
    refused(sqlite_orm_site, header + b"\n" + line + b"\n" + rest)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            '["x;--"]',
            '[["hunter2"]]',
            "sample_models.Tag, row 2: the value of column 'word' is not valid for CharField",
        ),
        (
            '["x;--"]',
            '["hunter2","hunter2"]',
            "sample_models.Tag, row 2 has 2 values for 1 columns",
        ),
        (
            '["x;--"]\n',
            '["hunter2"]\n["hunter2"]\n',
            "sample_models.Tag, rows 1 to 4: the database",
        ),
        ('["x;--"]', '["hunter2]', "after row 1 of sample_models.Tag: not JSON"),
        ('["x;--"]', '"hunter2"', "after row 1 of sample_models.Tag: unexpected line"),
        ('"x;--"', "null", "sample_models.Tag, rows 1 to 3: the database rejects"),
    ],
)
def test_a_refusal_names_model_and_row_and_never_shows_a_value(
    orm_site: OrmSite, old: str, new: str, said: str
) -> None:
    dump = orm_site.dump()
    assert old.encode() in dump
    error = refused(orm_site, dump.replace(old.encode(), new.encode()))
    assert said in str(error)
    assert "hunter2" not in str(error)
    assert error.__cause__ is None


def test_rows_that_refer_to_nothing_are_refused_at_the_end(orm_site: OrmSite) -> None:
    lines = orm_site.dump().splitlines(keepends=True)
    orm_site.mutate()
    live = orm_site.fingerprint()
    [rooms] = [n for n, line in enumerate(lines) if line == b'["cellar"]\n']
    lines[rooms] = b'["attic"]\n'
    assert "violate a constraint" in str(refused(orm_site, b"".join(lines)))
    assert orm_site.fingerprint() == live


def test_a_line_over_the_limit_is_refused_on_both_ways(sqlite_orm_site: OrmSite) -> None:
    everything = sample_data.model_module().Everything.objects
    everything.create(raw=b"x" * 9000)
    with pytest.raises(ClientError, match=r"sample_models.Everything, row \d+ takes 12,\d+ bytes"):
        sqlite_orm_site.dump(line_limit=9000)
    dump = sqlite_orm_site.dump()
    assert "more than 9,000 bytes" in str(refused(sqlite_orm_site, dump, line_limit=9000))
    with sqlite_orm_site.client(line_limit=9000) as client, client.restore() as target:
        target.write(b"x" * 8000)
        with pytest.raises(ClientError, match="a line of more"):
            target.write(b"x" * 1000)
    sqlite_orm_site.restore(dump)


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        ("at", "1577836800", "in 1 row column 'at' holds a value that Django takes for none"),
        ("day", "'2020-01-01 00:00:00'", "column 'day' holds a value that Django takes for none"),
        ("at", "'0000-00-00 00:00:00'", r"Django cannot read \(ValueError"),
        ("price", "'NaN'", r"Django cannot read \(TypeError"),
        ("price", "9e999", r"Django cannot read \(InvalidOperation"),
        ("took", "'hunter2'", r"Django cannot read \(TypeError"),
        ("key", "'hunter2'", r"Django cannot read \(ValueError"),
    ],
)
def test_values_of_the_wrong_type_are_reported_at_the_backup(
    sqlite_orm_site: OrmSite, column: str, value: str, said: str
) -> None:
    """SQLite stores anything anywhere, as imports and scripts past Django leave it."""
    sqlite_orm_site.run(f'UPDATE "every thing" SET {column} = {value} WHERE id = 3')
    with pytest.raises(ClientError, match=said) as caught:
        sqlite_orm_site.dump()
    assert "hunter2" not in str(caught.value)


def test_rows_that_cannot_be_restored_are_reported_at_the_backup(sqlite_orm_site: OrmSite) -> None:
    path = sqlite_orm_site.connection.settings_dict["NAME"]
    sqlite_orm_site.connection.close()
    with closing(sqlite3.connect(path)) as live, live:
        live.execute("UPDATE sample_models_artist SET teacher_id = 4711")
    with pytest.raises(ClientError, match="refer to rows that do not exist"):
        sqlite_orm_site.dump()
    with closing(sqlite3.connect(path)) as live, live:
        live.execute("UPDATE sample_models_artist SET teacher_id = NULL")
        live.execute("UPDATE sample_models_copy SET number = 'hunter2'")
    with pytest.raises(
        ClientError,
        match=r"sample_models.Copy, row 1: .*'number' holds a value that is not valid for IntegerField",
    ) as e:
        sqlite_orm_site.dump()
    assert "hunter2" not in str(e.value)


def test_a_missing_table_is_reported_before_the_backup(orm_site: OrmSite) -> None:
    orm_site.run("DROP TABLE sample_models_note")
    with orm_site.client() as client:
        with pytest.raises(ClientError, match=r"Cannot read sample_models\.Note.*\n.*migrate"):
            client.check_dump()
        with pytest.raises(ClientError, match=r"Cannot read sample_models\.Note"):
            client.check_restore(None)


def test_rows_written_during_a_dump_are_not_in_it(orm_site: OrmSite) -> None:
    if orm_site.connection.vendor == "sqlite":
        orm_site.run("PRAGMA journal_mode = WAL")
    whole = orm_site.dump()
    with orm_site.client() as client, client.dump(stall_timeout=None) as source:
        begun = source.read(100)
        with _another_connection() as other:
            other.cursor().execute("UPDATE legacy SET title = 'meanwhile'")
            other.cursor().execute("INSERT INTO sample_models_tag (word) VALUES ('meanwhile')")
        rest = b"".join(iter(lambda: source.read(10_000), b""))
        source.finish()
    assert begun + rest == whole
    assert b"meanwhile" in orm_site.dump()


@contextmanager
def _another_connection() -> Iterator[Any]:
    other = connections[ALIAS].copy()
    try:
        yield other
    finally:
        other.close()


def test_a_lock_at_the_commit_is_reported_and_nothing_changed(sqlite_orm_site: OrmSite) -> None:
    dump = sqlite_orm_site.dump()
    sqlite_orm_site.mutate()
    live = sqlite_orm_site.fingerprint()
    sqlite_orm_site.connection.settings_dict["OPTIONS"] = {"timeout": 0.1}
    path = sqlite_orm_site.connection.settings_dict["NAME"]
    with (
        sqlite_orm_site.client() as client,
        client.restore() as target,
        closing(sqlite3.connect(path)) as reader,
    ):
        target.write(dump)
        target.finish()
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM legacy").fetchone()
        with pytest.raises(SwapRefused, match=r"not committed: OperationalError SQLITE_BUSY"):
            target.swap()
    assert sqlite_orm_site.fingerprint() == live


def test_a_session_ended_amid_a_restore_changes_nothing(postgresql_orm_site: OrmSite) -> None:
    dump = postgresql_orm_site.dump()
    postgresql_orm_site.mutate()
    live = postgresql_orm_site.fingerprint()
    with postgresql_orm_site.client() as client, client.restore() as target:
        target.write(dump[: len(dump) // 2])
        with _another_connection() as other:
            others = "pid <> pg_backend_pid() AND datname = current_database()"
            other.cursor().execute(
                f"SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE {others}"
            )
        with pytest.raises(ClientError):
            target.write(dump[len(dump) // 2 :])
    assert postgresql_orm_site.fingerprint() == live


_HASTY = """
SELECT format('ALTER TABLE %s ALTER CONSTRAINT %I NOT DEFERRABLE', conrelid::regclass, conname)
FROM pg_constraint WHERE contype = 'f'
"""


@pytest.fixture
def hasty(postgresql_orm_site: OrmSite, monkeypatch: pytest.MonkeyPatch) -> OrmSite:
    """A site whose foreign keys are checked at once, and cannot wait."""
    for (statement,) in postgresql_orm_site.run(_HASTY):
        postgresql_orm_site.run(statement)
    features = postgresql_orm_site.connection.features
    monkeypatch.setattr(features, "can_defer_constraint_checks", False)
    return postgresql_orm_site


def test_keys_that_are_checked_at_once_are_satisfied(hasty: OrmSite) -> None:
    assert hasty.run("SELECT count(*) FROM sample_models_artist WHERE masterpiece_id IS NOT NULL")
    before = hasty.fingerprint()
    dump = hasty.dump()
    # Once from a database with the same circles, once from one with others.
    hasty.restore(dump)
    assert hasty.fingerprint() == before
    hasty.mutate()
    hasty.restore(dump)
    assert hasty.fingerprint() == before


def test_unsatisfiable_circular_references_are_refused(hasty: OrmSite) -> None:
    lines = hasty.dump().splitlines(keepends=True)
    live = hasty.fingerprint()
    [artists] = [n for n, line in enumerate(lines) if line == b'{"model":"sample_models.Artist"}\n']
    for wrong in (4711, "hunter2", [1]):
        row = json.loads(lines[artists + 1])
        row[2] = wrong
        changed = [*lines[: artists + 1], json.dumps(row).encode() + b"\n", *lines[artists + 2 :]]
        assert "refer to rows that do not exist" in str(refused(hasty, b"".join(changed)))
    assert hasty.fingerprint() == live


def test_rows_that_must_refer_in_a_circle_are_warned_of(hasty: OrmSite) -> None:
    tables = tables_of(hasty.connection)
    assert unsatisfiable_models(tables) == []
    turned = tables[::-1]
    assert {"sample_models.Note", "sample_models.Oil", "sample_models.Place"} <= set(
        unsatisfiable_models(turned)
    )
    assert not any("circles" in warning for warning in dump_warnings(hasty.connection, tables))
    assert any("circles" in warning for warning in dump_warnings(hasty.connection, turned))
    hasty.connection.close()


@pytest.mark.parametrize(
    "orm_site",
    ["sqlite", pytest.param("postgresql", marks=pytest.mark.thorough)],
    indirect=True,
)
def test_memory_does_not_grow_with_the_database(orm_site: OrmSite) -> None:
    everything = sample_data.model_module().Everything
    for start in range(0, 6000, 200):
        everything.objects.bulk_create(
            [everything(text=f"{start + n} " + "x" * 8000) for n in range(200)]
        )
    orm_site.connection.close()
    tracemalloc.start()
    try:
        size = 0
        with orm_site.client() as client, client.dump(stall_timeout=None) as source:
            while piece := source.read(1 << 20):
                size += len(piece)
        dumping = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert size > 48_000_000
    assert dumping < 24_000_000
    dump = orm_site.dump()
    tracemalloc.start()
    try:
        with orm_site.client() as client, client.restore() as target:
            for start in range(0, len(dump), 1 << 20):
                target.write(dump[start : start + (1 << 20)])
            target.finish()
            target.swap()
        restoring = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert restoring < 40_000_000


def _dump_of(orm_site: OrmSite) -> bytes:
    """Return the dump of a orm_site, the same for every example."""
    dump: bytes = orm_site.__dict__.setdefault("_dump", None) or orm_site.dump()
    orm_site.__dict__["_dump"] = dump
    return dump

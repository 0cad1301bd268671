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
from tests.integration.clients.orm import exhibits
from tests.integration.clients.orm.hall import ALIAS, Hall

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


def refused(hall: Hall, dump: bytes, **options: Any) -> ClientError:
    """Restore what must be refused; return how, once nothing has changed."""
    with (  # noqa: PT012 - by either of them
        pytest.raises(ClientError) as caught,
        hall.client(**options) as client,
        client.restore() as target,
    ):
        target.write(dump)
        target.finish()
    assert hall.connection.connection is None
    return caught.value


def test_a_dump_cut_after_any_line_is_refused(sqlite_hall: Hall) -> None:
    lines = sqlite_hall.dump().splitlines(keepends=True)
    sqlite_hall.diverge()
    live = sqlite_hall.fingerprint()
    places = {*range(12), *range(12, len(lines), 17), len(lines) - 2, len(lines) - 1}
    for place in places:
        refused(sqlite_hall, b"".join(lines[:place]))
    assert sqlite_hall.fingerprint() == live


@pytest.mark.parametrize("way", ["lost", "doubled", "moved", "after the end", "counted wrong"])
def test_lines_that_are_not_where_they_were_are_refused(hall: Hall, way: str) -> None:
    lines = hall.dump().splitlines(keepends=True)
    hall.diverge()
    live = hall.fingerprint()
    [tags] = [n for n, line in enumerate(lines) if line == b'{"model":"gallery.Tag"}\n']
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
        counts["rows"]["gallery.Tag"] += 1
        lines[-1] = json.dumps(counts).encode() + b"\n"
    refused(hall, b"".join(lines))
    assert hall.fingerprint() == live


@HOSTILE
@given(number=st.integers(0, 10_000), value=JSON)
def test_any_line_in_the_place_of_another_is_refused_or_harmless(
    sqlite_hall: Hall, number: int, value: Any
) -> None:
    lines = _dump_of(sqlite_hall).splitlines(keepends=True)
    lines[number % len(lines)] = json.dumps(value).encode() + b"\n"
    refused(sqlite_hall, b"".join(lines))


@HOSTILE
@given(table=st.integers(0, 10_000), column=st.integers(0, 10_000), value=JSON)
def test_any_value_in_the_place_of_another_is_refused_or_restored(
    hall: Hall, table: int, column: int, value: Any
) -> None:
    lines = _dump_of(hall).splitlines(keepends=True)
    rows = [number for number, line in enumerate(lines) if line.startswith(b"[")]
    chosen = rows[table % len(rows)]
    row = json.loads(lines[chosen])
    row[column % len(row)] = value
    lines[chosen] = json.dumps(row).encode() + b"\n"
    # Never anything but ClientError; a row that fits is as good as the one before.
    with suppress(ClientError):
        hall.restore(b"".join(lines))


@HOSTILE
@given(noise=st.binary(max_size=200), place=st.floats(0, 1))
def test_any_bytes_within_are_refused(sqlite_hall: Hall, noise: bytes, place: float) -> None:
    dump = _dump_of(sqlite_hall)
    middle = int(len(dump) * place)
    # A new line amid what is there breaks whatever the noise may be.
    refused(sqlite_hall, dump[:middle] + b"\x00\n" + noise + dump[middle:])


@pytest.mark.parametrize(
    "line",
    [
        b"[" * 100_000,
        b"9" * 10_000,
        b"[NaN]",
        b"\xff\xfe",
        b'{"model":["gallery.Tag"]}',
        b"{}",
        b"",
    ],
)
def test_lines_that_break_parsers_are_refused(sqlite_hall: Hall, line: bytes) -> None:
    header, _, rest = sqlite_hall.dump().partition(b"\n")
    refused(sqlite_hall, line + b"\n" + header + b"\n" + rest)
    refused(sqlite_hall, header + b"\n" + line + b"\n" + rest)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            '["x;--"]',
            '[["hunter2"]]',
            "gallery.Tag, row 2: the value of column 'word' is not valid for CharField",
        ),
        ('["x;--"]', '["hunter2","hunter2"]', "gallery.Tag, row 2 has 2 values for 1 columns"),
        ('["x;--"]\n', '["hunter2"]\n["hunter2"]\n', "gallery.Tag, rows 1 to 4: the database"),
        ('["x;--"]', '["hunter2]', "after row 1 of gallery.Tag: not JSON"),
        ('["x;--"]', '"hunter2"', "after row 1 of gallery.Tag: unexpected line"),
        ('"x;--"', "null", "gallery.Tag, rows 1 to 3: the database rejects"),
    ],
)
def test_a_refusal_names_model_and_row_and_never_shows_a_value(
    hall: Hall, old: str, new: str, said: str
) -> None:
    dump = hall.dump()
    assert old.encode() in dump
    error = refused(hall, dump.replace(old.encode(), new.encode()))
    assert said in str(error)
    assert "hunter2" not in str(error)
    assert error.__cause__ is None


def test_rows_that_refer_to_nothing_are_refused_at_the_end(hall: Hall) -> None:
    lines = hall.dump().splitlines(keepends=True)
    hall.diverge()
    live = hall.fingerprint()
    [rooms] = [n for n, line in enumerate(lines) if line == b'["cellar"]\n']
    lines[rooms] = b'["attic"]\n'
    assert "violate a constraint" in str(refused(hall, b"".join(lines)))
    assert hall.fingerprint() == live


def test_a_line_over_the_limit_is_refused_on_both_ways(sqlite_hall: Hall) -> None:
    everything = exhibits.model_module().Everything.objects
    everything.create(raw=b"x" * 9000)
    with pytest.raises(ClientError, match=r"gallery.Everything, row \d+ takes 12,\d+ bytes"):
        sqlite_hall.dump(line_limit=9000)
    dump = sqlite_hall.dump()
    assert "more than 9,000 bytes" in str(refused(sqlite_hall, dump, line_limit=9000))
    with sqlite_hall.client(line_limit=9000) as client, client.restore() as target:
        target.write(b"x" * 8000)
        with pytest.raises(ClientError, match="a line of more"):
            target.write(b"x" * 1000)
    sqlite_hall.restore(dump)


def test_rows_that_no_restore_would_take_are_told_at_the_backup(sqlite_hall: Hall) -> None:
    path = sqlite_hall.connection.settings_dict["NAME"]
    sqlite_hall.connection.close()
    with closing(sqlite3.connect(path)) as live, live:
        live.execute("UPDATE gallery_artist SET teacher_id = 4711")
    with pytest.raises(ClientError, match="refer to rows that do not exist"):
        sqlite_hall.dump()
    with closing(sqlite3.connect(path)) as live, live:
        live.execute("UPDATE gallery_artist SET teacher_id = NULL")
        live.execute("UPDATE gallery_copy SET number = 'hunter2'")
    with pytest.raises(
        ClientError,
        match=r"gallery.Copy, row 1: .*'number' holds a value that is not valid for IntegerField",
    ) as e:
        sqlite_hall.dump()
    assert "hunter2" not in str(e.value)


def test_a_missing_table_is_told_before_the_backup(hall: Hall) -> None:
    hall.run("DROP TABLE gallery_note")
    with hall.client() as client:
        with pytest.raises(ClientError, match=r"Cannot read gallery\.Note.*\n.*migrate"):
            client.check_dump()
        with pytest.raises(ClientError, match=r"Cannot read gallery\.Note"):
            client.check_restore(None)


def test_what_is_written_meanwhile_is_not_in_the_dump(hall: Hall) -> None:
    if hall.connection.vendor == "sqlite":
        hall.run("PRAGMA journal_mode = WAL")
    whole = hall.dump()
    with hall.client() as client, client.dump(stall_timeout=None) as source:
        begun = source.read(100)
        with _another_connection() as other:
            other.cursor().execute("UPDATE legacy SET title = 'meanwhile'")
            other.cursor().execute("INSERT INTO gallery_tag (word) VALUES ('meanwhile')")
        rest = b"".join(iter(lambda: source.read(10_000), b""))
        source.finish()
    assert begun + rest == whole
    assert b"meanwhile" in hall.dump()


@contextmanager
def _another_connection() -> Iterator[Any]:
    other = connections[ALIAS].copy()
    try:
        yield other
    finally:
        other.close()


def test_a_lock_at_the_commit_is_told_and_nothing_changed(sqlite_hall: Hall) -> None:
    dump = sqlite_hall.dump()
    sqlite_hall.diverge()
    live = sqlite_hall.fingerprint()
    sqlite_hall.connection.settings_dict["OPTIONS"] = {"timeout": 0.1}
    path = sqlite_hall.connection.settings_dict["NAME"]
    with (
        sqlite_hall.client() as client,
        client.restore() as target,
        closing(sqlite3.connect(path)) as reader,
    ):
        target.write(dump)
        target.finish()
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM legacy").fetchone()
        with pytest.raises(SwapRefused, match=r"not committed: OperationalError SQLITE_BUSY"):
            target.swap()
    assert sqlite_hall.fingerprint() == live


def test_a_session_ended_amid_a_restore_changes_nothing(postgresql_hall: Hall) -> None:
    dump = postgresql_hall.dump()
    postgresql_hall.diverge()
    live = postgresql_hall.fingerprint()
    with postgresql_hall.client() as client, client.restore() as target:
        target.write(dump[: len(dump) // 2])
        with _another_connection() as other:
            others = "pid <> pg_backend_pid() AND datname = current_database()"
            other.cursor().execute(
                f"SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE {others}"
            )
        with pytest.raises(ClientError):
            target.write(dump[len(dump) // 2 :])
    assert postgresql_hall.fingerprint() == live


_HASTY = """
SELECT format('ALTER TABLE %s ALTER CONSTRAINT %I NOT DEFERRABLE', conrelid::regclass, conname)
FROM pg_constraint WHERE contype = 'f'
"""


@pytest.fixture
def hasty(postgresql_hall: Hall, monkeypatch: pytest.MonkeyPatch) -> Hall:
    """A gallery whose foreign keys are checked at once, and cannot wait."""
    for (statement,) in postgresql_hall.run(_HASTY):
        postgresql_hall.run(statement)
    features = postgresql_hall.connection.features
    monkeypatch.setattr(features, "can_defer_constraint_checks", False)
    return postgresql_hall


def test_keys_that_are_checked_at_once_are_satisfied(hasty: Hall) -> None:
    assert hasty.run("SELECT count(*) FROM gallery_artist WHERE masterpiece_id IS NOT NULL")
    before = hasty.fingerprint()
    dump = hasty.dump()
    # Once from a database with the same circles, once from one with others.
    hasty.restore(dump)
    assert hasty.fingerprint() == before
    hasty.diverge()
    hasty.restore(dump)
    assert hasty.fingerprint() == before


def test_circles_that_lead_nowhere_are_refused(hasty: Hall) -> None:
    lines = hasty.dump().splitlines(keepends=True)
    live = hasty.fingerprint()
    [artists] = [n for n, line in enumerate(lines) if line == b'{"model":"gallery.Artist"}\n']
    for wrong in (4711, "hunter2", [1]):
        row = json.loads(lines[artists + 1])
        row[2] = wrong
        changed = [*lines[: artists + 1], json.dumps(row).encode() + b"\n", *lines[artists + 2 :]]
        assert "refer to rows that do not exist" in str(refused(hasty, b"".join(changed)))
    assert hasty.fingerprint() == live


def test_rows_that_must_refer_in_a_circle_are_warned_of(hasty: Hall) -> None:
    tables = tables_of(hasty.connection)
    assert unsatisfiable_models(tables) == []
    turned = tables[::-1]
    assert {"gallery.Note", "gallery.Oil", "gallery.Place"} <= set(unsatisfiable_models(turned))
    assert not any("circles" in warning for warning in dump_warnings(hasty.connection, tables))
    assert any("circles" in warning for warning in dump_warnings(hasty.connection, turned))
    hasty.connection.close()


def test_memory_does_not_grow_with_the_database(hall: Hall) -> None:
    everything = exhibits.model_module().Everything
    for start in range(0, 6000, 200):
        everything.objects.bulk_create(
            [everything(text=f"{start + n} " + "x" * 8000) for n in range(200)]
        )
    hall.connection.close()
    tracemalloc.start()
    try:
        size = 0
        with hall.client() as client, client.dump(stall_timeout=None) as source:
            while piece := source.read(1 << 20):
                size += len(piece)
        dumping = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert size > 48_000_000
    assert dumping < 24_000_000
    dump = hall.dump()
    tracemalloc.start()
    try:
        with hall.client() as client, client.restore() as target:
            for start in range(0, len(dump), 1 << 20):
                target.write(dump[start : start + (1 << 20)])
            target.finish()
            target.swap()
        restoring = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert restoring < 40_000_000


def _dump_of(hall: Hall) -> bytes:
    """Return the dump of a hall, the same for every example."""
    dump: bytes = hall.__dict__.setdefault("_dump", None) or hall.dump()
    hall.__dict__["_dump"] = dump
    return dump

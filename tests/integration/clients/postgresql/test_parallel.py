"""Restoring with several sessions at once into the database that is swapped in."""

import os
import re
import signal
from collections import defaultdict
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from django.core.management.base import CommandError

from django_rclone.clients.postgresql.connection import PostgresqlSession
from tests.support.processes import wait_until
from tests.support.site import DjangoSite

_ROWS = "INSERT INTO {0} SELECT n, n, md5(n::text) FROM generate_series(1, 300) n"
_PARTITIONS = (
    "CREATE TABLE visit (id integer, at integer, text text) PARTITION BY RANGE (at)",
    "CREATE TABLE visit_1 PARTITION OF visit FOR VALUES FROM (0) TO (100)",
    "CREATE TABLE visit_2 PARTITION OF visit FOR VALUES FROM (100) TO (1000)",
    "ALTER TABLE visit ADD PRIMARY KEY (id, at)",
    "ALTER TABLE visit ADD CONSTRAINT visit_text UNIQUE (text, at)",
    "CREATE INDEX visit_lower ON visit (lower(text))",
    "COMMENT ON INDEX visit_lower IS 'it''s lower'",
    "CREATE INDEX visit_2_alone ON visit_2 (at) INCLUDE (text)",
    "ALTER TABLE visit_1 CLUSTER ON visit_1_pkey",
    "ALTER TABLE visit_2 REPLICA IDENTITY USING INDEX visit_2_pkey",
    _ROWS.format("visit"),
)
_FUNCTIONS = (
    "CREATE TABLE looked_at (id integer PRIMARY KEY, other integer, text text)",
    _ROWS.format("looked_at"),
    "CREATE FUNCTION known(integer) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT count(*) > 0 FROM looked_at WHERE id = $1'",
    "CREATE TABLE aaa_checked (id integer, other integer CHECK (known(other)), text text)",
    _ROWS.format("aaa_checked"),
    "CREATE FUNCTION share(integer) RETURNS bigint LANGUAGE sql IMMUTABLE AS 'SELECT count(*) / $1 FROM public.looked_at'",
    "CREATE INDEX ON aaa_checked (share(other))",
    "CREATE INDEX ON aaa_checked ((lower(text)))",
    "ALTER INDEX aaa_checked_lower_idx ALTER COLUMN 1 SET STATISTICS 123",
    "CREATE TABLE booked (during int4range, EXCLUDE USING gist (during WITH &&))",
    "INSERT INTO booked SELECT int4range(n, n + 1) FROM generate_series(1, 300) n",
    "COMMENT ON CONSTRAINT booked_during_excl ON booked IS 'no two'",
)
_CIRCLE = (
    *(f"CREATE TABLE circle_{n} (id integer PRIMARY KEY, other integer, t text)" for n in range(6)),
    *(_ROWS.format(f"circle_{n}") for n in range(6)),
    *(
        f"ALTER TABLE circle_{n} ADD FOREIGN KEY (other) REFERENCES circle_{other}"
        for n in range(6)
        for other in range(6)
    ),
)
_LOADING = "SELECT pid FROM pg_stat_activity WHERE query LIKE 'COPY public.bulk%' AND usename = "


def fill(site: DjangoSite) -> None:
    site.database.run(
        "CREATE TABLE bulk AS SELECT n AS id, repeat(md5(n::text), 8) AS text "
        "FROM generate_series(1, 20000) n",
        "ALTER TABLE bulk ADD PRIMARY KEY (id)",
    )


def stopping_in_the_rows(site: DjangoSite) -> Path:
    """Let pg_restore stop within the rows of ``bulk``, until somebody opens the file returned."""
    gate = site.folder / "gate"
    os.mkfifo(gate)
    site.fake_program(
        "pg_restore", f'"$REAL" "$@" | {{ head -c 3500000; read _ <\'{gate}\'; exec cat; }}'
    )
    return gate


@pytest.fixture
def copied(monkeypatch: pytest.MonkeyPatch) -> dict[bytes, list[int]]:
    """Return how many rows each session loads into each table, by the statement."""
    numbers: dict[bytes, list[int]] = defaultdict(list)
    copy = PostgresqlSession.copy

    def counted(session: PostgresqlSession, statement: bytes, rows: Any) -> int:
        numbers[statement].append(number := copy(session, statement, rows))
        return number

    monkeypatch.setattr(PostgresqlSession, "copy", counted)
    return numbers


@pytest.mark.usefixtures("everything_in_parallel")
@pytest.mark.parametrize(
    "made",
    [(*_PARTITIONS, *_FUNCTIONS), _CIRCLE, ()],
    ids=["partitions and functions", "a circle of foreign keys", "the sample alone"],
)
def test_the_new_database_equals_the_backup(
    swapping: DjangoSite, copied: dict[bytes, list[int]], made: tuple[str, ...]
) -> None:
    database = swapping.database
    database.rows_in_order = False
    database.run(*made)
    before = database.fingerprint()
    swapping.back_up()
    database.mutate()
    swapping.restore("--jobs", "3")
    assert database.fingerprint() == before
    assert database.leftovers() == []
    [numbers] = [found for text, found in copied.items() if text.startswith(b"COPY public.entry ")]
    assert sum(numbers) == 500
    assert len([number for number in numbers if number > 100]) == 3


@pytest.mark.thorough
@pytest.mark.usefixtures("everything_in_parallel")
def test_many_tables_come_back(swapping: DjangoSite) -> None:
    database = swapping.database
    database.rows_in_order = False
    for n in range(150):
        database.run(
            f"CREATE TABLE many_{n} (id integer PRIMARY KEY, a integer UNIQUE, t text)",
            _ROWS.format(f"many_{n}"),
            f"CREATE INDEX ON many_{n} (t); CREATE INDEX ON many_{n} (lower(t))",
            f"ALTER TABLE many_{n} ADD FOREIGN KEY (a) REFERENCES many_{n // 2}",
        )
    before = database.fingerprint()
    swapping.back_up()
    database.mutate()
    swapping.restore("--jobs", "4")
    assert database.fingerprint() == before


@pytest.mark.thorough
def test_small_tables_are_left_to_one_session(
    swapping: DjangoSite, copied: dict[bytes, list[int]]
) -> None:
    before = swapping.database.fingerprint()
    swapping.back_up()
    swapping.restore("--jobs", "2")
    assert swapping.database.fingerprint() == before
    assert {len(numbers) for numbers in copied.values()} == {1}


@pytest.mark.thorough
def test_a_rehearsal_takes_several_sessions(
    sample_site: DjangoSite, copied: dict[bytes, list[int]]
) -> None:
    database = sample_site.database
    database.run(f"ALTER ROLE {database.role} CREATEDB", superuser=True)
    fill(sample_site)
    sample_site.back_up()
    assert "Rehearsed" in sample_site.call("dbverify", "--jobs", "2")
    [numbers] = [found for text, found in copied.items() if text.startswith(b"COPY public.bulk ")]
    assert sum(numbers) == 20_000
    assert len(numbers) == 2


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (r'"$REAL" "$@" | sed "s/^477\t/none\t/"', r"invalid input .*TABLE DATA entry.* COPY"),
        (r'"$REAL" "$@" | sed "s/^477\t/476\t/"', r"could not create unique index.*ADD CONSTRAINT"),
        ('"$REAL" "$@" | head -c 20000; echo "on fire" >&2; exit 3', "on fire"),
    ],
    ids=["a row", "an index", "half a dump"],
)
@pytest.mark.usefixtures("everything_in_parallel")
def test_the_first_error_is_told_and_nothing_changes(
    swapping: DjangoSite, body: str, said: str
) -> None:
    swapping.back_up()
    swapping.database.run("DELETE FROM entry WHERE id < 9")
    live = swapping.database.fingerprint()
    swapping.fake_program("pg_restore", body)
    with pytest.raises(CommandError, match=re.compile(said, re.DOTALL)) as caught:
        swapping.restore("--jobs", "3")
    assert "is unchanged" in str(caught.value)
    assert swapping.database.fingerprint() == live
    assert swapping.database.leftovers() == []


@pytest.mark.thorough
@pytest.mark.usefixtures("everything_in_parallel")
def test_a_foreign_key_that_does_not_hold_is_named(swapping: DjangoSite) -> None:
    database = swapping.database
    database.run(*_CIRCLE)
    database.run(
        "ALTER TABLE circle_2 DISABLE TRIGGER ALL",
        "INSERT INTO circle_2 VALUES (123456, 123456, '')",
        "DELETE FROM circle_2 WHERE id = 5",
        superuser=True,
    )
    swapping.back_up()
    live = database.fingerprint()
    with pytest.raises(CommandError, match="violates foreign key") as caught:
        swapping.restore("--jobs", "3")
    assert re.search(r"FK CONSTRAINT circle_\d circle_\d_other_fkey", str(caught.value))
    assert database.fingerprint() == live
    assert database.leftovers() == []


@pytest.mark.thorough
@pytest.mark.parametrize("which", [0, 1])
def test_a_lost_session_changes_nothing(swapping: DjangoSite, which: int) -> None:
    database = swapping.database
    fill(swapping)
    swapping.back_up()
    live = database.fingerprint()
    gate = stopping_in_the_rows(swapping)
    process = swapping.start("dbrestore", "--noinput", "--jobs", "2")
    loading = f"{_LOADING} '{database.role}' ORDER BY pid"
    wait_until(lambda: len(database.rows(loading)) == 2, "two sessions do not load")
    (pid,) = database.rows(loading)[which]
    database.rows(f"SELECT pg_terminate_backend({pid})")
    gate.write_text("on\n")
    _, errors = process.communicate(timeout=240)
    assert process.returncode == 1
    assert "TABLE DATA bulk in schema public" in errors
    assert "is unchanged" in errors
    assert database.fingerprint() == live
    assert database.leftovers() == []


@pytest.mark.thorough
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_a_signal_ends_all_sessions(swapping: DjangoSite, number: signal.Signals) -> None:
    database = swapping.database
    database.rows_in_order = False
    fill(swapping)
    swapping.back_up()
    live = database.fingerprint()
    gate = stopping_in_the_rows(swapping)
    process = swapping.start("dbrestore", "--noinput", "--jobs", "2")
    loading = f"{_LOADING} '{database.role}'"
    wait_until(lambda: len(database.rows(loading)) == 2, "two sessions do not load")
    process.send_signal(number)
    _, errors = process.communicate(timeout=240)
    assert process.returncode == {signal.SIGTERM: 143, signal.SIGINT: 130}.get(number, -9), errors
    # The shell that stands in for pg_restore is killed with the process, or left at its gate.
    with closing(os.fdopen(os.open(gate, os.O_RDWR | os.O_NONBLOCK), "w")) as end:
        end.write("on\n")
    database.wait_until_idle()
    assert database.fingerprint() == live
    if number != signal.SIGKILL:
        assert database.leftovers() == []
    swapping.database.options["tools_folder"] = str(database.server.programs)
    swapping.restore("--jobs", "2")
    assert database.fingerprint() == live
    assert database.leftovers() == []


@pytest.mark.thorough
def test_too_few_connections_are_told_with_a_way_out(swapping: DjangoSite) -> None:
    database = swapping.database
    swapping.back_up()
    live = database.fingerprint()
    database.run(f"ALTER ROLE {database.role} CONNECTION LIMIT 4", superuser=True)
    with pytest.raises(CommandError, match=r"4 sessions.*too many connections.*\n.*fewer --jobs"):
        swapping.restore("--jobs", "3")
    assert database.fingerprint() == live
    assert database.leftovers() == []
    swapping.restore("--jobs", "2")
    assert database.fingerprint() == live


@pytest.mark.thorough
def test_in_place_they_have_no_effect_and_that_is_said(
    sample_site: DjangoSite, capfd: pytest.CaptureFixture[str]
) -> None:
    before = sample_site.database.fingerprint()
    sample_site.back_up()
    sample_site.database.mutate()
    sample_site.restore("--jobs", "3")
    assert re.search(r'--jobs has no effect: .*"restore_mode" "swap"', capfd.readouterr().err)
    assert sample_site.database.fingerprint() == before

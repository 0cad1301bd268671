"""Restoring into a new database, and swapping it with the live one."""

import threading
from collections.abc import Iterator
from contextlib import closing

import psycopg
import pytest
from django.core.management.base import CommandError

from tests.integration.clients.postgresql.shop import DIVERGED, Shop


@pytest.fixture
def swapping(rich: Shop) -> Iterator[Shop]:
    """A shop whose role may create databases."""
    rich.run(f"ALTER ROLE {rich.role} CREATEDB", superuser=True)
    rich.options["restore_mode"] = "swap"
    yield rich
    rich.options.clear()


def databases(shop: Shop) -> list[str]:
    rows = shop.rows(
        f"SELECT datname FROM pg_database WHERE datname LIKE '{shop.name}%' ORDER BY 1"
    )
    return [row[0] for row in rows]


def test_the_new_database_equals_the_backup_and_keeps_settings_and_grants(swapping: Shop) -> None:
    shop = swapping
    shop.run(
        f'ALTER DATABASE {shop.name} SET search_path = accounts, "Zoë\'s shop", public',
        f"ALTER DATABASE {shop.name} SET work_mem = '7MB'",
        f"ALTER ROLE {shop.role} IN DATABASE {shop.name} SET application_name = 'it''s, us'",
        f"COMMENT ON DATABASE {shop.name} IS 'it''s ours'",
        f"REVOKE TEMPORARY ON DATABASE {shop.name} FROM PUBLIC",
        f"GRANT CREATE ON DATABASE {shop.name} TO pg_monitor",
    )
    about = f"""
        SELECT (SELECT array_agg(item::text ORDER BY item::text) FROM unnest(d.datacl) item), d.datdba, d.encoding, d.datcollate, d.datctype, d.datconnlimit,
        shobj_description(d.oid, 'pg_database'),
        (SELECT array_agg(s.setrole || s.setconfig::text ORDER BY s.setrole)
         FROM pg_db_role_setting s WHERE s.setdatabase = d.oid)
        FROM pg_database d WHERE datname = '{shop.name}'"""
    properties, before = shop.rows(about), shop.fingerprint()
    shop.back_up()
    shop.run(DIVERGED)
    shop.restore()
    assert shop.fingerprint() == before
    assert shop.rows(about) == properties
    assert databases(shop) == [shop.name]


def test_the_previous_database_is_kept_on_request(swapping: Shop) -> None:
    swapping.options["keep_previous"] = True
    swapping.back_up()
    swapping.run("DELETE FROM entry WHERE id < 100")
    swapping.restore()
    live, previous = databases(swapping)
    assert previous.startswith(f"{live}_before_20")
    with closing(swapping.server.connect(previous)) as connection:
        assert connection.execute("SELECT count(*) FROM entry").fetchone() == (401,)
    assert swapping.rows("SELECT count(*) FROM entry") == [(500,)]


def test_sessions_of_the_site_do_not_delay_the_swap(swapping: Shop) -> None:
    before = swapping.fingerprint()
    swapping.back_up()
    with closing(swapping.connect()) as other:
        other.execute("BEGIN; LOCK TABLE orders; DELETE FROM orders")
        swapping.restore()
        with pytest.raises(psycopg.OperationalError):
            other.execute("SELECT 1")
    assert swapping.fingerprint() == before


def test_a_session_of_a_superuser_prevents_the_swap(swapping: Shop) -> None:
    swapping.back_up()
    swapping.run("DELETE FROM entry")
    swapping.options["lock_timeout"] = 0.1
    with closing(swapping.server.connect(swapping.name)) as other:
        other.execute("SELECT 1")
        with pytest.raises(CommandError, match="being accessed by other users"):
            swapping.restore()
    assert swapping.rows("SELECT count(*) FROM entry") == [(0,)]
    assert databases(swapping) == [swapping.name]


def test_the_site_can_connect_all_the_time_but_for_a_moment(swapping: Shop) -> None:
    swapping.back_up()
    stop, refused, served = threading.Event(), [0], [0]

    def visit() -> None:
        while not stop.is_set():
            try:
                with closing(swapping.connect()) as connection:
                    row = connection.execute("SELECT count(*) FROM entry").fetchone()
                    assert row == (500,)
                    served[0] += 1
            except psycopg.OperationalError:
                refused[0] += 1

    visitor = threading.Thread(target=visit)
    visitor.start()
    swapping.restore()
    stop.set()
    visitor.join()
    assert served[0] > 0
    assert refused[0] <= 3


def test_without_createdb_it_is_refused_with_a_way_out(rich: Shop) -> None:
    rich.options["restore_mode"] = "swap"
    rich.back_up()
    with pytest.raises(CommandError, match=r"CREATEDB.*\n.*in_place"):
        rich.restore()


@pytest.mark.parametrize(
    "options",
    [
        {"restore_mode": "swop"},
        {"restore_mode": "swap", "schemas": ["public"]},
        {"keep_previous": True},
    ],
)
def test_wrong_modes_are_refused(rich: Shop, options: dict[str, object]) -> None:
    rich.options.update(options)
    with pytest.raises(CommandError, match="CLIENTS"):
        rich.back_up()

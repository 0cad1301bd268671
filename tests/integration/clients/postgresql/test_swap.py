"""Restoring into a new database, and swapping it with the live one."""

import threading
from contextlib import closing

import psycopg
import pytest
from django.core.management.base import CommandError

from tests.support.servers.postgresql import has_icu
from tests.support.site import DjangoSite


def test_the_new_database_equals_the_backup_and_keeps_settings_and_grants(
    swapping: DjangoSite,
) -> None:
    site = swapping
    site.database.run(
        f'ALTER DATABASE {site.database.name} SET search_path = accounts, "Zoë\'s shop", public',
        f"ALTER DATABASE {site.database.name} SET work_mem = '7MB'",
        f"ALTER ROLE {site.database.role} IN DATABASE {site.database.name} SET application_name = 'it''s, us'",
        f"COMMENT ON DATABASE {site.database.name} IS 'it''s ours'",
        f"REVOKE TEMPORARY ON DATABASE {site.database.name} FROM PUBLIC",
        f"GRANT CREATE ON DATABASE {site.database.name} TO pg_monitor",
    )
    about = f"""
        SELECT (SELECT array_agg(item::text ORDER BY item::text) FROM unnest(d.datacl) item), d.datdba, d.encoding, d.datcollate, d.datctype, d.datconnlimit,
        shobj_description(d.oid, 'pg_database'),
        (SELECT array_agg(s.setrole || s.setconfig::text ORDER BY s.setrole)
         FROM pg_db_role_setting s WHERE s.setdatabase = d.oid)
        FROM pg_database d WHERE datname = '{site.database.name}'"""
    properties, before = site.database.rows(about), site.database.fingerprint()
    site.back_up()
    site.database.mutate()
    site.restore()
    assert site.database.fingerprint() == before
    assert site.database.rows(about) == properties
    assert site.database.databases() == [site.database.name]


def test_the_previous_database_is_kept_on_request(swapping: DjangoSite) -> None:
    swapping.database.options["keep_previous"] = True
    swapping.back_up()
    swapping.database.run("DELETE FROM entry WHERE id < 100")
    swapping.restore()
    live, previous = swapping.database.databases()
    assert previous.startswith(f"{live}_before_20")
    with closing(swapping.database.server.connect(previous)) as connection:
        assert connection.execute("SELECT count(*) FROM entry").fetchone() == (401,)
    assert swapping.database.rows("SELECT count(*) FROM entry") == [(500,)]


def test_sessions_of_the_site_do_not_delay_the_swap(swapping: DjangoSite) -> None:
    before = swapping.database.fingerprint()
    swapping.back_up()
    with closing(swapping.database.connect()) as other:
        other.execute("BEGIN; LOCK TABLE orders; DELETE FROM orders")
        swapping.restore()
        with pytest.raises(psycopg.OperationalError):
            other.execute("SELECT 1")
    assert swapping.database.fingerprint() == before


@pytest.mark.thorough
def test_a_session_of_a_superuser_prevents_the_swap(swapping: DjangoSite) -> None:
    swapping.back_up()
    swapping.database.run("DELETE FROM entry")
    swapping.database.options["lock_timeout"] = 0.1
    with closing(swapping.database.server.connect(swapping.database.name)) as other:
        other.execute("SELECT 1")
        with pytest.raises(CommandError, match="being accessed by other users"):
            swapping.restore()
    assert swapping.database.rows("SELECT count(*) FROM entry") == [(0,)]
    assert swapping.database.databases() == [swapping.database.name]


def test_the_site_can_connect_all_the_time_but_for_a_moment(swapping: DjangoSite) -> None:
    swapping.back_up()
    stop, refused, served = threading.Event(), [0], [0]

    def visit() -> None:
        while not stop.is_set():
            try:
                with closing(swapping.database.connect()) as connection:
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


def test_without_createdb_it_is_refused_with_a_way_out(sample_site: DjangoSite) -> None:
    sample_site.database.options["restore_mode"] = "swap"
    sample_site.back_up()
    with pytest.raises(CommandError, match=r"CREATEDB.*\n.*in_place"):
        sample_site.restore()


@pytest.mark.parametrize(
    "options",
    [
        {"restore_mode": "swop"},
        {"restore_mode": "swap", "schemas": ["public"]},
        {"keep_previous": True},
    ],
)
def test_wrong_modes_are_refused(sample_site: DjangoSite, options: dict[str, object]) -> None:
    sample_site.database.options.update(options)
    with pytest.raises(CommandError, match="CLIENTS"):
        sample_site.back_up()


def test_settings_of_another_role_are_named_before_the_question(swapping: DjangoSite) -> None:
    database = swapping.database
    reader = f"{database.role}_reader"
    database.run(
        f"CREATE ROLE {reader}",
        f"ALTER ROLE {reader} IN DATABASE {database.name} SET work_mem = '7MB'",
        superuser=True,
    )
    swapping.back_up()
    with pytest.raises(CommandError, match=rf"settings of role {reader}.*\n.*in_place"):
        swapping.restore()
    assert database.databases() == [database.name]
    database.run(f"DROP ROLE {reader}", superuser=True)


_NEEDED = {
    "subscription": (
        "CREATE SUBSCRIPTION sub CONNECTION 'host=127.0.0.1' PUBLICATION p WITH (connect = false, slot_name = NONE)",
        "DROP SUBSCRIPTION sub",
    ),
    "template": ("ALTER DATABASE {0} IS_TEMPLATE true", "ALTER DATABASE {0} IS_TEMPLATE false"),
    "replication slots": (
        "SELECT pg_create_logical_replication_slot('{0}', 'test_decoding')",
        "SELECT pg_drop_replication_slot('{0}')",
    ),
}


@pytest.mark.thorough
@pytest.mark.parametrize("reason", _NEEDED)
def test_a_database_that_could_not_be_dropped_is_not_swapped(
    swapping: DjangoSite, reason: str
) -> None:
    database = swapping.database
    swapping.back_up()
    made, dropped = (one.format(database.name) for one in _NEEDED[reason])
    if reason == "replication slots" and database.server.major >= 18:
        made = made.replace("test_decoding", "pgoutput")  # the package lacks the former
    database.run(made, superuser=True)
    before = database.fingerprint()
    try:
        with pytest.raises(CommandError, match=rf"{reason}.*\n.*in_place"):
            swapping.restore()
        assert database.fingerprint() == before
        assert database.leftovers() == []
        assert "Rehearsed" in swapping.call("dbverify")
    finally:
        database.run(dropped, superuser=True)


@pytest.mark.thorough
@pytest.mark.parametrize("setting", ["log_min_duration_statement = 500", "app.tenant = '7'"])
def test_a_setting_of_a_superuser_is_named_before_the_question(
    swapping: DjangoSite, setting: str
) -> None:
    database = swapping.database
    database.run(f"ALTER DATABASE {database.name} SET {setting}", superuser=True)
    swapping.back_up()
    with pytest.raises(CommandError, match=r"has the setting .*permission denied.*\n.*in_place"):
        swapping.restore()
    assert database.leftovers() == []
    name = setting.split()[0]
    database.run(f"GRANT SET ON PARAMETER {name} TO {database.role}", superuser=True)
    before = database.fingerprint()
    database.mutate()
    swapping.restore()
    assert database.fingerprint() == before
    database.run(f"REVOKE SET ON PARAMETER {name} FROM {database.role}", superuser=True)


@pytest.mark.thorough
def test_a_database_whose_setting_is_another_role_is_swapped(swapping: DjangoSite) -> None:
    """As after ``ALTER DATABASE ... SET role``, for logins that come and go."""
    database = swapping.database
    swapping.back_up()
    database.run(f"ALTER DATABASE {database.name} SET role = {database.role}", superuser=True)
    swapping.restore()
    [(found,)] = database.rows("""
        SELECT setconfig FROM pg_db_role_setting s JOIN pg_database d ON d.oid = s.setdatabase
        WHERE d.datname = current_database()
    """)
    assert found == [f"role={database.role}"]


@pytest.mark.thorough
@pytest.mark.parametrize("mode", ["in_place", "swap"])
def test_prepared_transactions_are_named_before_the_question(
    swapping: DjangoSite, mode: str
) -> None:
    database = swapping.database
    database.options["restore_mode"] = mode
    swapping.back_up()
    with closing(database.connect()) as other:
        other.execute("BEGIN; LOCK TABLE entry; PREPARE TRANSACTION 'it''s ours'")
    try:
        with pytest.raises(
            CommandError, match=r"prepared transactions.*'it''s ours'.*\n.*ROLLBACK"
        ):
            swapping.restore()
    finally:
        database.run("ROLLBACK PREPARED 'it''s ours'")
    swapping.restore()


@pytest.mark.thorough
@pytest.mark.parametrize("mode", ["in_place", "swap"])
def test_a_standby_is_backed_up_and_no_restore_asks_before_it_says_so(
    swapping: DjangoSite, mode: str
) -> None:
    database = swapping.database
    database.options["restore_mode"] = mode
    # Like the server's own, which is found after it.
    database.run(
        "CREATE SCHEMA ours",
        "CREATE FUNCTION ours.pg_is_in_recovery() RETURNS boolean LANGUAGE sql AS 'SELECT true'",
        f"ALTER ROLE {database.role} SET search_path = ours, pg_catalog, public",
        superuser=True,
    )
    database.run("ALTER SCHEMA ours OWNER TO " + database.role, superuser=True)
    swapping.back_up()
    with pytest.raises(CommandError, match=r"is a standby.*\n.*Connect to the primary"):
        swapping.restore()
    with pytest.raises(CommandError, match="is a standby"):
        swapping.call("dbverify")


@pytest.mark.thorough
def test_the_new_database_sorts_by_the_same_rules(swapping: DjangoSite) -> None:
    database = swapping.database
    if database.server.major < 16 or not has_icu(database.server.programs):
        pytest.skip("this server has no rules of ICU")
    with closing(database.server.connect()) as admin:
        admin.execute(f"DROP DATABASE {database.name}")
        admin.execute(
            f"CREATE DATABASE {database.name} OWNER {database.role} TEMPLATE template0 "
            "LOCALE_PROVIDER icu ICU_LOCALE 'und' ICU_RULES '&V << w <<< W'"
        )
    database.add_entries()
    rules = "SELECT daticurules FROM pg_database WHERE datname = current_database()"
    before = database.rows(rules)
    swapping.back_up()
    swapping.restore()
    assert database.rows(rules) == before


@pytest.mark.thorough
def test_a_role_whose_idle_sessions_are_ended_can_swap(swapping: DjangoSite) -> None:
    database = swapping.database
    database.run(f"ALTER ROLE {database.role} SET idle_session_timeout = '300ms'", superuser=True)
    before = database.fingerprint()
    swapping.back_up()
    database.mutate()
    swapping.fake_rclone("cat*", 'sleep 1; exec "$REAL" "$@"')
    swapping.restore()
    assert database.fingerprint() == before

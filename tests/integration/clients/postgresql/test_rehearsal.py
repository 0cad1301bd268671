"""A backup is rehearsed in a scratch database, and the live one is not touched."""

import re
from collections.abc import Iterator
from contextlib import closing

import pytest
from django.core.management.base import CommandError

from django_rclone.clients.postgresql.arguments import tool_arguments
from django_rclone.clients.postgresql.clearing import ClearingPlan
from tests.support.databases import PostgresqlDatabase
from tests.support.findings import look_at
from tests.support.rehearsals import Mend, Rehearsals, require_found
from tests.support.servers.postgresql import PostgresqlServer
from tests.support.site import DjangoSite

CLIENT = "django_rclone.clients.postgresql"
NOTHING_DROPPED = ClearingPlan(dropped=(), kept=(), conflicts=())


class TestRehearsals(Rehearsals):
    """In a database that is created for it."""

    @pytest.fixture
    def rehearsing(self, sample_site: DjangoSite) -> DjangoSite:
        """A shop whose role may create databases."""
        return may_create_databases(sample_site)


def may_create_databases(site: DjangoSite) -> DjangoSite:
    site.database.run(f"ALTER ROLE {site.database.role} CREATEDB", superuser=True)
    return site


def test_rows_that_no_restore_takes_are_found_although_the_backup_did_not_say_so(
    site: DjangoSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    may_create_databases(site)
    site.database.run(
        "CREATE TABLE parent (id integer PRIMARY KEY)",
        "CREATE TABLE child (parent integer REFERENCES parent)",
    )
    site.database.run(
        "SET session_replication_role = replica; INSERT INTO child VALUES (9)", superuser=True
    )
    # What names such rows at the backup.
    monkeypatch.setattr(f"{CLIENT}.snapshot.checks_of_rows", lambda session: iter(()))
    site.back_up()
    with pytest.raises(CommandError, match=r"is not restorable: .*child_parent_fkey"):
        site.call("dbverify")
    assert site.database.leftovers() == []


def test_functions_that_would_not_find_what_they_call_are_found(
    site: DjangoSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    may_create_databases(site)
    site.database.run(
        f"ALTER DATABASE {site.database.name} SET search_path = public, words", superuser=True
    )
    site.database.run(
        """
        CREATE SCHEMA words;
        CREATE FUNCTION words.low(text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT lower($1)';
        CREATE FUNCTION slug(text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS
            'BEGIN RETURN low($1); END';
        CREATE TABLE article (title text, slug text GENERATED ALWAYS AS (slug(title)) STORED);
        INSERT INTO article VALUES ('ONE');
        """
    )
    site.back_up()
    site.call("dbverify")
    # What gives them the search path that they were written for.
    monkeypatch.setattr(f"{CLIENT}.execution.Execution.open", lambda execution, path: None)
    with pytest.raises(CommandError, match=r"is not restorable: .*low\(text\)"):
        site.call("dbverify")
    assert site.database.leftovers() == []


MENDS = {
    "a check that reads what is loaded later": Mend(
        made=[
            """
            CREATE TABLE z_limit (most integer);
            INSERT INTO z_limit VALUES (9);
            CREATE FUNCTION fits(integer) RETURNS boolean LANGUAGE plpgsql AS
                'BEGIN RETURN EXISTS (SELECT FROM public.z_limit WHERE most >= $1); END';
            CREATE TABLE a_row (n integer CONSTRAINT it_fits CHECK (fits(n)));
            INSERT INTO a_row VALUES (1)
            """
        ],
        breaks={f"{CLIENT}.player.checks_by_functions": lambda session: []},
        complaint="it_fits",
    ),
    "texts written under another setting": Mend(
        made=[
            "ALTER ROLE CURRENT_USER SET standard_conforming_strings = off",
            r"CREATE TABLE words (word text DEFAULT E'a\\b')",
        ],
        breaks={
            f"{CLIENT}.client.tool_arguments": lambda connector, options, settings: tool_arguments(
                connector, options, {}
            )
        },
        complaint="standard_conforming_strings",
    ),
    "what a superuser made in the database of a plain role": Mend(
        made_by_superuser=["CREATE CAST (varchar AS json) WITH INOUT"],
        # The backup names it, and is made.
        complaint="must be owner of type",
    ),
    "rows left out that others refer to": Mend(
        made=[
            "CREATE TABLE parent (id integer PRIMARY KEY)",
            "CREATE TABLE child (parent integer REFERENCES parent)",
            "INSERT INTO parent VALUES (1)",
            "INSERT INTO child VALUES (1)",
        ],
        options={"exclude_data": ["parent"]},
        breaks={f"{CLIENT}.client.require_may_exclude": lambda *_: None},
        complaint="child_parent_fkey",
    ),
    "a database without the schema public": Mend(
        made=["CREATE SCHEMA shop; CREATE TABLE shop.note (n integer)", "DROP SCHEMA public"],
        # A new database has it.
        breaks={f"{CLIENT}.restore.plan_clearing": lambda *_: NOTHING_DROPPED},
        complaint="schema public is not in the backup",
    ),
    "a foreign server of a superuser": Mend(
        made_by_superuser=[
            "CREATE FOREIGN DATA WRAPPER paper",
            "CREATE SERVER cabinet FOREIGN DATA WRAPPER paper",
            "GRANT USAGE ON FOREIGN SERVER cabinet TO PUBLIC",
        ],
        made=["CREATE USER MAPPING FOR CURRENT_USER SERVER cabinet"],
        # The backup names it, and is made.
        complaint="permission denied to create foreign-data wrapper",
    ),
    "half a dump whose program did not say so": Mend(
        made=["CREATE TABLE words AS SELECT repeat('word', 99) FROM generate_series(1, 999)"],
        cut="-9999",
        complaint="pg_restore|end of file",
    ),
}


@pytest.mark.thorough
@pytest.mark.parametrize("mend", MENDS.values(), ids=MENDS)
def test_what_a_broken_mend_lets_through_is_found(
    site: DjangoSite, monkeypatch: pytest.MonkeyPatch, mend: Mend
) -> None:
    require_found(may_create_databases(site), mend, monkeypatch)


@pytest.fixture
def elsewhere(site: DjangoSite, server: PostgresqlServer) -> Iterator[PostgresqlDatabase]:
    """A database to rehearse in, which people emptied."""
    with closing(PostgresqlDatabase(server)) as database:
        database.run("DROP SCHEMA public CASCADE", superuser=True)
        site.databases["rehearsal"] = database.settings
        site.rclone["CLIENTS"]["rehearsal"] = {"OPTIONS": database.options}
        site.rclone["REHEARSAL"] = {"default": "rehearsal"}
        yield database


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("broken", "by", "complaint"),
    [
        ("_make_public", lambda session: None, 'schema "public" does not exist'),
        ("_NEW_PUBLIC", (), "grant"),
    ],
    ids=["not made", "made without grants"],
)
def test_a_place_without_schema_public_is_found_to_take_no_backup(
    site: DjangoSite,
    elsewhere: PostgresqlDatabase,
    monkeypatch: pytest.MonkeyPatch,
    broken: str,
    by: object,
    complaint: str,
) -> None:
    made = ["CREATE TABLE note (n integer)"]
    mend = Mend(made=made, breaks={f"{CLIENT}.clearing.{broken}": by}, complaint=complaint)
    require_found(site, mend, monkeypatch)
    site.call("dbverify")
    assert elsewhere.rows("SELECT count(*) FROM public.note") == [(0,)]


@pytest.mark.thorough
def test_only_what_a_rehearsal_has_filled_is_replaced(
    site: DjangoSite, server: PostgresqlServer
) -> None:
    site.database.run("CREATE TABLE note (n integer)", "INSERT INTO note VALUES (1)")
    with closing(PostgresqlDatabase(server)) as users:
        site.databases["users"] = users.settings
        site.rclone["CLIENTS"]["users"] = {"OPTIONS": users.options}
        site.rclone["REHEARSAL"] = {"default": "users"}
        site.back_up("-d", "default")
        users.run("CREATE SCHEMA theirs", "CREATE TABLE theirs.account (n integer)")
        with pytest.raises(CommandError, match="'users', a database that is not empty"):
            site.call("dbverify", "-d", "default")
        assert users.rows("SELECT count(*) FROM theirs.account") == [(0,)]
        users.run("DROP SCHEMA theirs CASCADE")
        site.call("dbverify", "-d", "default")
        site.call("dbverify", "-d", "default")
        assert users.rows("SELECT count(*) FROM note") == [(1,)]


def test_a_place_that_the_role_may_not_fill_says_nothing_about_the_backup(
    site: DjangoSite, server: PostgresqlServer
) -> None:
    site.database.run("CREATE TABLE note (n integer)")
    dump = site.back_up("-d", "default")
    with closing(PostgresqlDatabase(server)) as database:
        site.databases["rehearsal"] = database.settings
        site.rclone["CLIENTS"]["rehearsal"] = {"OPTIONS": database.options}
        site.rclone["REHEARSAL"] = {"default": "rehearsal"}
        database.run("ALTER SCHEMA public OWNER TO postgres", superuser=True)
        database.run("REVOKE ALL ON SCHEMA public FROM PUBLIC", superuser=True)
        with pytest.raises(
            CommandError, match="This role may not create anything in schema public"
        ):
            site.call("dbverify", "-d", "default")
    assert not dump.with_name(f"{dump.name}.rehearsed").exists()


def test_a_role_that_may_not_create_databases_is_told_where_else(
    sample_site: DjangoSite,
) -> None:
    sample_site.back_up()
    with pytest.raises(CommandError) as caught:
        sample_site.call("dbverify")
    assert re.search(
        r"have CREATEDB \(`ALTER ROLE \w+ CREATEDB`, as a superuser", str(caught.value)
    )
    assert 'Let REHEARSAL name another database to rehearse in: {"default": "rehearsal"}' in str(
        caught.value
    )
    [told] = [one for one in look_at(sample_site)["warning"] if one["step"].startswith("rehearsal")]
    assert "have CREATEDB" in told["text"]
    assert "Let REHEARSAL name another database" in told["fix"]
    may_create_databases(sample_site)
    assert told["step"] not in {one["step"] for one in look_at(sample_site)["warning"]}
    assert [path.suffix for path in sample_site.stored()] == [".zst", ".json"]

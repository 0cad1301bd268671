"""What others made in the database of a role stays, or is named before anything happens."""

from collections.abc import Iterator
from contextlib import closing
from io import StringIO

import pytest
from django.core.management.base import CommandError

from tests.support.databases import PostgresqlDatabase
from tests.support.servers.postgresql import PostgresqlServer
from tests.support.site import DjangoSite

BY_SUPERUSER = """
    CREATE CAST (varchar AS json) WITH INOUT;
    CREATE FUNCTION public.watch() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';
    CREATE EVENT TRIGGER watching ON ddl_command_end EXECUTE FUNCTION public.watch();
    COMMENT ON EVENT TRIGGER watching IS 'of the auditors';
    CREATE PUBLICATION everything FOR ALL TABLES WITH (publish = 'insert');
    CREATE FOREIGN DATA WRAPPER paper;
    CREATE SERVER cabinet FOREIGN DATA WRAPPER paper;
    CREATE FUNCTION public.secret(integer) RETURNS integer LANGUAGE sql LEAKPROOF AS 'SELECT 1';
    CREATE OPERATOR FAMILY public.odd USING hash;
    GRANT EXECUTE ON FUNCTION pg_read_file(text) TO pg_monitor;
"""


def told(site: DjangoSite, *arguments: str) -> str:
    """Run a command and return the warnings that the operator sees."""
    errors = StringIO()
    site.call(*arguments, stderr=errors)
    return errors.getvalue()


@pytest.fixture
def guarded(sample_site: DjangoSite) -> DjangoSite:
    """A role's database, in which a superuser made things."""
    database = sample_site.database
    database.run(
        BY_SUPERUSER, f"GRANT USAGE ON FOREIGN SERVER cabinet TO {database.role}", superuser=True
    )
    database.run("CREATE USER MAPPING FOR CURRENT_USER SERVER cabinet OPTIONS (name 'me')")
    return sample_site


def test_what_a_superuser_made_stays_and_is_named_at_the_backup(guarded: DjangoSite) -> None:
    before = guarded.database.fingerprint()
    warnings = told(guarded, "dbbackup")
    assert "Only a superuser can make these again in another database" in warnings
    assert "event trigger watching" in warnings
    guarded.database.mutate()
    assert "stay as they are, since this role could not make" in told(
        guarded, "dbrestore", "--noinput"
    )
    assert guarded.database.fingerprint() == before


def test_what_a_superuser_made_since_the_backup_is_told(sample_site: DjangoSite) -> None:
    site = sample_site
    site.back_up()
    site.database.run(BY_SUPERUSER, superuser=True)
    warnings = told(site, "dbrestore", "--noinput")
    for what in ("cast (character varying AS json)", "event trigger watching"):
        assert what in warnings
    assert "although the backup is without them" in warnings
    assert site.database.rows("SELECT evtname FROM pg_event_trigger") == [("watching",)]
    assert site.database.rows("SELECT to_regproc('public.secret')") == [(None,)]


@pytest.mark.parametrize("mode", ["in_place", "swap"])
def test_what_only_a_superuser_can_make_is_named_before_a_restore_elsewhere(
    server: PostgresqlServer, guarded: DjangoSite, mode: str
) -> None:
    guarded.back_up()
    with closing(PostgresqlDatabase(server)) as other:
        other.run(f"ALTER ROLE {other.role} CREATEDB", superuser=True)
        other.options["restore_mode"] = mode
        guarded.use(other)
        with pytest.raises(CommandError, match=r"only a superuser can make.*cast") as caught:
            guarded.restore()
        assert "--salvage" in str(caught.value) or "in_place" in str(caught.value)
        assert other.rows("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == [(0,)]


@pytest.mark.parametrize(
    ("made", "said"),
    [
        ("CREATE PUBLICATION cdc FOR TABLE orders", "publication cdc (it needs table "),
        (
            "CREATE SCHEMA audit; CREATE VIEW audit.seen AS SELECT * FROM public.entry",
            "view audit.seen (it needs table public.entry)",
        ),
        ("SELECT lo_create(9999)", "large object 9999"),
        ("CREATE SCHEMA audit; CREATE SEQUENCE audit.numbers", "sequence audit.numbers"),
    ],
)
def test_what_would_be_lost_is_named_at_the_backup_and_before_the_question(
    sample_site: DjangoSite, made: str, said: str
) -> None:
    site = sample_site
    backup = site.back_up()
    site.database.run(made, superuser=True)
    live = site.database.fingerprint()
    with pytest.raises(CommandError) as caught:
        site.restore("-i", backup.name)
    assert said in str(caught.value)
    assert site.database.fingerprint() == live
    if "large" not in said and "audit" not in said:
        assert said in told(site, "dbbackup")


def test_own_event_triggers_do_not_fire_while_others_are_restored(sample_site: DjangoSite) -> None:
    """Only superusers have event triggers; what they log must be what the backup holds."""
    site = sample_site
    site.databases["default"] |= {
        "USER": site.database.server.user,
        "PASSWORD": site.database.server.password,
    }
    site.database.run(
        "CREATE TABLE ddl_log (tag text)",
        "CREATE FUNCTION log_ddl() RETURNS event_trigger LANGUAGE plpgsql AS "
        "$$ BEGIN INSERT INTO public.ddl_log VALUES (tg_tag); END $$",
        "CREATE EVENT TRIGGER logged ON ddl_command_end EXECUTE FUNCTION log_ddl()",
        "CREATE EVENT TRIGGER dropped ON sql_drop EXECUTE FUNCTION log_ddl()",
        superuser=True,
    )
    site.back_up()
    before = site.database.rows("SELECT tag FROM ddl_log")
    site.database.run("CREATE TABLE later (n integer)", superuser=True)
    site.restore()
    assert site.database.rows("SELECT tag FROM ddl_log") == before
    assert site.database.rows("SELECT count(*) FROM pg_event_trigger") == [(2,)]


@pytest.fixture
def assumed(site: DjangoSite) -> Iterator[DjangoSite]:
    """A login that does not inherit the rights of the role it assumes; a third role grants, too."""
    database = site.database
    owner, third = f"{database.role}_owner", f"{database.role}_third"
    with closing(database.server.connect()) as admin:
        admin.execute(f"ALTER ROLE {database.role} NOINHERIT")
        admin.execute(f"CREATE ROLE {owner}; CREATE ROLE {third}")
        admin.execute(f"GRANT {owner} TO {database.role}")
        admin.execute(f"ALTER DATABASE {database.name} OWNER TO {owner}")
    site.databases["default"]["OPTIONS"] = {"assume_role": owner}
    database.run(
        f"SET ROLE {owner}; CREATE TABLE note (id integer PRIMARY KEY, body text)",
        "INSERT INTO note VALUES (1, 'one')",
        f"GRANT SELECT, UPDATE ON note TO {third} WITH GRANT OPTION",
        f"SET ROLE {third}; GRANT SELECT ON note TO pg_monitor; GRANT UPDATE (body) ON note TO PUBLIC",
        f"SET ROLE {owner}; GRANT DELETE ON note TO pg_monitor; CREATE TABLE other (n integer)",
        superuser=True,
    )
    yield site
    with closing(database.server.connect()) as admin:
        admin.execute(f"ALTER DATABASE {database.name} OWNER TO {database.role}")
    with closing(database.server.connect(database.name)) as admin:
        for role in (owner, third):
            admin.execute(f"DROP OWNED BY {role} CASCADE; DROP ROLE {role}")


def test_grants_by_a_third_role_come_back_to_a_login_that_does_not_inherit(
    assumed: DjangoSite,
) -> None:
    rights = """
        SELECT grantee::regrole::text, privilege_type, is_grantable FROM pg_class, aclexplode(relacl)
        WHERE relname = 'note' AND grantee <> 0 AND grantee <> relowner ORDER BY 1, 2"""
    before = assumed.database.rows(rights)
    assumed.back_up()
    assumed.database.run("REVOKE ALL ON note FROM pg_monitor; DROP TABLE other", superuser=True)
    assumed.restore()
    assert assumed.database.rows(rights) == before
    owners = "SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public'"
    assert assumed.database.rows(owners) == [(f"{assumed.database.role}_owner",)]

"""A backup is rehearsed in a scratch schema, and the live one is not touched."""

from contextlib import closing
from dataclasses import replace

import pytest
from django.core.management.base import CommandError

from django_rclone.clients.mysql.completions import Completions
from django_rclone.clients.mysql.dump_command import _ALWAYS
from django_rclone.clients.mysql.session_settings import OWN_SETTINGS, SETTINGS
from tests.integration.clients.mysql.test_texts import run
from tests.support.databases import MysqlDatabase
from tests.support.databases.mysql import quote
from tests.support.rehearsals import Mend, Rehearsals, require_found
from tests.support.servers.mysql import MysqlServer
from tests.support.site import DjangoSite

CLIENT = "django_rclone.clients.mysql"


class TestRehearsals(Rehearsals):
    """In a schema that is created for it."""

    @pytest.fixture
    def rehearsing(self, sample_site: DjangoSite) -> DjangoSite:
        """A shop, whose role may create schemas."""
        return sample_site


def test_a_role_that_may_not_create_schemas_is_told_where_else(
    site: DjangoSite, server: MysqlServer
) -> None:
    with closing(MysqlDatabase(server, may_have_scratch=False)) as database:
        site.use(database)
        database.run("CREATE TABLE entry (id int PRIMARY KEY)")
        site.back_up()
        with pytest.raises(CommandError) as caught:
            site.call("dbverify")
    assert "The role may not create a scratch schema" in str(caught.value)
    assert "Let REHEARSAL name another database to rehearse in" in str(caught.value)


@pytest.mark.thorough
@pytest.mark.parametrize("may_have_scratch", [True, False], ids=["scratch", "in-place"])
def test_only_what_a_rehearsal_has_filled_is_replaced(
    site: DjangoSite, server: MysqlServer, may_have_scratch: bool
) -> None:
    site.database.run("CREATE TABLE t (id int)", "INSERT INTO t VALUES (1)")
    with closing(MysqlDatabase(server, may_have_scratch=may_have_scratch)) as users:
        site.databases["users"] = users.settings
        site.rclone["REHEARSAL"] = {"default": "users"}
        site.back_up("-d", "default")
        users.run("CREATE VIEW account AS SELECT 1 AS n")
        before = users.fingerprint()
        with pytest.raises(CommandError, match="'users', a database that is not empty"):
            site.call("dbverify")
        assert users.fingerprint() == before
        users.run("DROP VIEW account")
        site.call("dbverify")
        site.call("dbverify")
        assert users.rows("SELECT count(*) FROM t") == [(1,)]


@pytest.mark.parametrize(
    ("text", "mode", "settings"),
    [
        (
            "CREATE FUNCTION f() RETURNS text RETURN 'café'",
            "",
            OWN_SETTINGS.replace("= utf8mb4,", "= latin1,"),
        ),
        ("CREATE FUNCTION f() RETURNS text RETURN 'a' || 'b'", "PIPES_AS_CONCAT", OWN_SETTINGS),
    ],
    ids=["charset", "mode"],
)
def test_texts_that_would_come_back_with_another_meaning_are_found(
    site: DjangoSite, monkeypatch: pytest.MonkeyPatch, text: str, mode: str, settings: str
) -> None:
    run(site, text, mode=mode)
    with monkeypatch.context() as patch:
        # What makes each text in the settings that it was written in.
        patch.setattr(f"{CLIENT}.definitions.Definition.settings", settings)
        site.back_up()
    with pytest.raises(CommandError, match=r"is not restorable: .*body.* of function f:"):
        site.call("dbverify")
    assert site.database.leftovers() == []
    site.back_up()
    site.call("dbverify")


MENDS = {
    "a trigger whose head names the schema": Mend(
        made=[
            "CREATE TABLE t (n int)",
            "CREATE TRIGGER SCHEMA.trg BEFORE INSERT ON SCHEMA.t FOR EACH ROW SET NEW.n = 1",
        ],
        breaks={f"{CLIENT}.definitions._without_schema": lambda text: text},
        complaint="trg",
    ),
    "a view of a column that is gone": Mend(
        made=[
            "CREATE TABLE t (a int, b int)",
            "CREATE VIEW v AS SELECT b FROM t",
            "ALTER TABLE t DROP COLUMN b",
        ],
        breaks={f"{CLIENT}.checks._require_sound_views": lambda session, schema: None},
        complaint="view v",
    ),
    "rows left out that others refer to": Mend(
        made=[
            "CREATE TABLE parent (id int PRIMARY KEY)",
            "CREATE TABLE child (id serial PRIMARY KEY, parent int, FOREIGN KEY (parent) REFERENCES parent (id))",
            "INSERT INTO parent VALUES (1)",
            "INSERT INTO child (parent) VALUES (1)",
        ],
        options={"exclude_data": ["parent"]},
        breaks={f"{CLIENT}.exclusions.Exclusions.require_possible": lambda *_: None},
        complaint="foreign keys do not hold in table child",
    ),
    "a table left out that a view needs": Mend(
        made=["CREATE TABLE t (n int)", "CREATE VIEW v AS SELECT n FROM t"],
        options={"exclude_tables": ["t"]},
        breaks={f"{CLIENT}.exclusions.Exclusions.require_possible": lambda *_: None},
        complaint="view v",
    ),
    "a default that names the schema of its sequence": Mend(
        made=["CREATE SEQUENCE s", "CREATE TABLE t (n int DEFAULT nextval(s))"],
        breaks={f"{CLIENT}.client.completions_of": lambda *_: Completions()},
        complaint=r"use of another schema by default t\.n: .*`s` is not in the backup",
    ),
    "a view of two schemas": Mend(
        made=[
            "CREATE TABLE t (n int)",
            "CREATE VIEW v AS SELECT n FROM t JOIN information_schema.character_sets",
        ],
        breaks={
            f"{CLIENT}.schema._moved": lambda view, schema, names: view,
            f"{CLIENT}.statements.Statement.moved": lambda statement, source, target: statement,
        },
        complaint="use of another schema by view v: .*`t` is not in the backup",
    ),
    "a foreign key whose name the server does not quote": Mend(
        made=[
            (
                "CREATE TABLE t (a int PRIMARY KEY, b int, CONSTRAINT `k``` FOREIGN KEY (b) "
                "REFERENCES t (a))"
            )
        ],
        breaks={f"{CLIENT}.completions.quoted_lines": lambda *_: ()},
        complaint="syntax",
    ),
    "a definer that the role may not set": Mend(
        made=["CREATE TABLE t (n int)"],
        made_by_superuser=["CREATE EVENT e ON SCHEDULE EVERY 1 DAY DO DELETE FROM t"],
        breaks={f"{CLIENT}.making._NO_RIGHT": ""},
        complaint="Cannot create event e: Access denied",
    ),
    "a row that takes twice as much as text": Mend(
        made=[
            "CREATE TABLE t (body longblob)",
            "INSERT INTO t SELECT repeat('x', @@global.max_allowed_packet * 6 DIV 10)",
        ],
        breaks={f"{CLIENT}.dump_command._ALWAYS": (*_ALWAYS, "--hex-blob")},
        complaint="max_allowed_packet",
    ),
    "half a dump whose program did not say so": Mend(
        made=["CREATE TABLE words AS SELECT seq, repeat('word', 99) FROM seq_1_to_999"],
        breaks={f"{CLIENT}.dump_format._TRAILER": b""},
        cut="-9999",
        complaint="syntax",
    ),
}


@pytest.mark.thorough
@pytest.mark.parametrize("mend", MENDS.values(), ids=MENDS)
def test_what_a_broken_mend_lets_through_is_found(
    site: DjangoSite, monkeypatch: pytest.MonkeyPatch, mend: Mend
) -> None:
    schema = quote(site.database.name)
    made = [statement.replace("SCHEMA", schema) for statement in mend.made]
    require_found(site, replace(mend, made=made), monkeypatch)


def test_tables_that_only_lax_sessions_make_are_found(
    site: DjangoSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    columns = ", ".join(f"c{number} varchar(255)" for number in range(200))
    run(site, "SET innodb_strict_mode = 0", f"CREATE TABLE wide ({columns}) CHARSET latin1")
    site.back_up()
    site.call("dbverify")
    # What loads a dump as laxly as its tables were made.
    monkeypatch.setitem(SETTINGS, "innodb_strict_mode", "1")
    with pytest.raises(CommandError, match=r"(?s)is not restorable: .*Row size too large"):
        site.call("dbverify")
    assert site.database.leftovers() == []

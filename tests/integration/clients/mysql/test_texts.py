"""Every text of a MariaDB schema comes back in its own character set, mode and schema."""

import re
from collections.abc import Iterator
from contextlib import closing

import pytest
from django.core.management.base import CommandError

from django_rclone.backups.inventory import Inventory
from django_rclone.exceptions import ClientError
from tests.integration.clients.mysql.test_staging import client_of, dump_of
from tests.support.databases import MysqlDatabase
from tests.support.databases.mysql import quote
from tests.support.servers.mysql import MysqlServer
from tests.support.site import DjangoSite


def run(site: DjangoSite, *statements: str, charset: str = "utf8mb4", mode: str = "") -> None:
    """Run statements as a client that speaks ``charset``, in a mode of its own."""
    encoding = {"latin1": "cp1252", "cp1251": "cp1251", "sjis": "shift_jis"}.get(charset, "utf-8")
    with closing(site.database.connect()) as connection, connection.cursor() as cursor:
        cursor.execute(f"SET NAMES {charset}")
        cursor.execute(f"SET sql_mode = '{mode}'")
        for statement in statements:
            cursor.execute(statement.encode(encoding))


def found(site: DjangoSite) -> str:
    """Return the schema and its rows; heads of triggers may name their schema or not."""
    qualifier = re.escape(quote(site.database.name)) + r"\s*\.\s*"
    text = site.database.fingerprint()
    return re.sub(rf"(TRIGGER (?:/\* a \*/ )?| ON (?:-- b\n )?){qualifier}", r"\1", text)


def damage(site: DjangoSite) -> None:
    """Replace everything in the schema."""
    name = quote(site.database.name)
    admin = site.database.server
    [(collation,)] = site.database.rows(
        "SELECT default_collation_name FROM information_schema.schemata "
        "WHERE schema_name = DATABASE()"
    )
    admin.run(f"DROP DATABASE {name}", f"CREATE DATABASE {name} COLLATE {collation}")
    site.database.run("CREATE TABLE later (n int)", "CREATE VIEW v AS SELECT 1 AS n FROM later")


def require_round_trip(site: DjangoSite) -> None:
    before = found(site)
    site.back_up()
    damage(site)
    site.restore()
    assert found(site) == before
    assert site.database.leftovers() == []


def test_texts_beyond_ascii_come_back_as_they_were(site: DjangoSite) -> None:
    site.database.run("CREATE TABLE `tä` (id int, `ö` text)", "CREATE TABLE `заказ` (n int)")
    run(
        site,
        "CREATE FUNCTION `fé`(`ü` enum('é')) RETURNS enum('ö', 'é') COMMENT 'ñ it''s \\\\' RETURN 'é'",
        "CREATE PROCEDURE `pé`(`ü` int) COMMENT 'ñ' SELECT 'café', `ü`",
        "CREATE TRIGGER `té` BEFORE INSERT ON `tä` FOR EACH ROW SET NEW.`ö` = 'café'",
        "CREATE VIEW `vé` AS SELECT `ö` AS `ß`, 'café' AS x FROM `tä`",
        "CREATE EVENT `eé` ON SCHEDULE EVERY 1 DAY DISABLE COMMENT 'ñ' DO INSERT INTO `tä` "
        "VALUES (1, 'café')",
        charset="latin1",
    )
    run(
        site,
        "CREATE PROCEDURE `п`() COMMENT 'ж' SELECT 'ж' AS `щ`",
        "CREATE TRIGGER `т` BEFORE INSERT ON `заказ` FOR EACH ROW SET @x = 'ж'",
        charset="cp1251",
    )
    run(site, "CREATE PROCEDURE ja(`\\ ソ` int) SELECT 'ソ\\'表\\n' AS `予`", charset="sjis")
    # Taken for sjis, the last byte of these names in UTF-8 and the quote are one character.
    run(
        site,
        "CREATE EVENT `日本語` ON SCHEDULE EVERY 1 DAY DISABLE COMMENT '表語' DO SELECT 'ソ表'",
        "CREATE EVENT `語a語` ON SCHEDULE EVERY 1 DAY DISABLE COMMENT 'a 語a' DO SELECT 1",
        "CREATE PROCEDURE `語`(`語a` int) COMMENT '語' SELECT 'ソ表'",
        charset="sjis",
    )
    run(site, "CREATE PROCEDURE smile() SELECT '😀' AS `é`")
    require_round_trip(site)


def test_each_text_is_read_and_made_in_its_own_mode(site: DjangoSite) -> None:
    site.database.run("CREATE TABLE t (id int, n text)", "CREATE VIEW v AS SELECT id FROM t")
    run(
        site,
        'CREATE TRIGGER "a ""b" BEFORE INSERT ON "t" FOR EACH ROW SET NEW."n" = \'x\'',
        mode="ANSI_QUOTES",
    )
    run(site, "CREATE PROCEDURE back() SELECT 'a\\' AS a", mode="NO_BACKSLASH_ESCAPES")
    run(site, "CREATE FUNCTION pipes() RETURNS text RETURN 'a' || 'b'", mode="PIPES_AS_CONCAT")
    run(
        site,
        "CREATE PROCEDURE oracle(a VARCHAR2) AS BEGIN NULL; END",
        "CREATE PACKAGE pk AS FUNCTION f RETURN INT; END",
        "CREATE PACKAGE BODY pk AS FUNCTION f RETURN INT AS BEGIN RETURN 5; END; END",
        mode="ORACLE",
    )
    run(
        site,
        "SET time_zone = '+05:00'",
        "CREATE EVENT zoned ON SCHEDULE EVERY 1 DAY STARTS '2030-01-01 00:00:00' DO DELETE FROM t",
        "ALTER DATABASE COLLATE latin1_swedish_ci",
        "CREATE PROCEDURE old(a varchar(9)) SELECT a",
        "ALTER DATABASE COLLATE utf8mb4_general_ci",
    )
    require_round_trip(site)
    assert site.database.rows("SELECT pipes()") == [("ab",)]


@pytest.mark.parametrize(
    "text",
    [
        "CREATE FUNCTION concat(a INT) RETURN INT AS x INT := 1; BEGIN RETURN a + x; END",
        "CREATE FUNCTION year2(a YEAR(2)) RETURN INT AS x INT := 1; BEGIN RETURN a + x; END",
        "CREATE PROCEDURE blank() AS BEGIN SELECT 1 AS ` x` FROM dual; END",
    ],
    ids=["note", "warning", "warning_without_a_state"],
)
def test_what_the_server_warns_of_in_oracle_mode_comes_back(site: DjangoSite, text: str) -> None:
    run(site, text, mode="ORACLE")
    require_round_trip(site)


def test_in_place_every_text_comes_back_too(server: MysqlServer, site: DjangoSite) -> None:
    with closing(MysqlDatabase(server, may_have_scratch=False)) as database:
        site.use(database)
        name = quote(database.name)
        database.run(
            "CREATE SEQUENCE s",
            "CREATE TABLE `tä` (id int DEFAULT nextval(s), `ö` text, CONSTRAINT c CHECK (id > 0))",
            "CREATE TABLE child (id int PRIMARY KEY, up int, CONSTRAINT f FOREIGN KEY (up) "
            "REFERENCES child (id), KEY (up))",
            f"CREATE TRIGGER {name}.g BEFORE INSERT ON {name}.`tä` FOR EACH ROW SET @x = 1",
            "CREATE VIEW zz AS SELECT 1 AS n",
            "CREATE VIEW aa AS SELECT n FROM zz",
        )
        run(
            site,
            "CREATE FUNCTION `fé`() RETURNS text COMMENT 'ñ' RETURN 'é'",
            "CREATE TRIGGER `té` BEFORE DELETE ON `tä` FOR EACH ROW SET @x = OLD.`ö`",
            charset="latin1",
        )
        run(
            site,
            "CREATE PACKAGE pk AS FUNCTION f RETURN INT; END",
            "CREATE PACKAGE BODY pk AS FUNCTION f RETURN INT AS BEGIN RETURN 5; END; END",
            mode="ORACLE",
        )
        require_round_trip(site)


@pytest.mark.thorough
def test_heads_that_name_their_schema_are_made_where_they_are_restored(site: DjangoSite) -> None:
    name = quote(site.database.name)
    site.database.run(
        "CREATE TABLE t (id int)",
        f"CREATE TRIGGER {name}.one BEFORE INSERT ON {name}.`t` FOR EACH ROW SET @x = 1",
        f"CREATE TRIGGER /* a */ {name} . two AFTER INSERT ON -- b\n {name}.t FOR EACH ROW SET @y = 1",
        f"CREATE PROCEDURE {name}.p() SELECT 1",
        f"CREATE EVENT {name}.e ON SCHEDULE EVERY 1 DAY DISABLE DO SELECT 1",
        f"CREATE VIEW {name}.v AS SELECT * FROM {name}.t",
    )
    require_round_trip(site)


@pytest.fixture
def other(site: DjangoSite) -> Iterator[str]:
    """A second schema, which the role may see."""
    name = f"{site.database.role}_other"
    site.database.server.run(
        f"CREATE DATABASE {name}",
        f"CREATE TABLE {name}.t (id int)",
        f"CREATE TABLE {name}.far (id int)",
        f"GRANT ALL ON {name}.* TO {site.database.role}@'%'",
    )
    yield name
    site.database.server.run(f"DROP DATABASE {name}")


@pytest.mark.thorough
def test_views_of_two_schemas_come_back_into_an_empty_one(site: DjangoSite, other: str) -> None:
    site.database.run(
        "CREATE TABLE t (id int)",
        "CREATE TABLE near (id int)",
        "CREATE FUNCTION plus(a int) RETURNS int RETURN a + 1",
        f"CREATE VIEW zz AS SELECT near.id, plus(near.id) AS n FROM near JOIN {other}.far",
        f"CREATE VIEW aa AS SELECT zz.id FROM zz JOIN {other}.far USING (id)",
        f"CREATE VIEW twice AS SELECT t.id AS a, o.id AS b FROM t JOIN {other}.t AS o",
    )
    done = site.manage("dbbackup")
    assert "These views use other schemas" in done.stderr
    before = found(site)
    damage(site)
    site.restore()
    assert found(site) == before
    assert site.database.leftovers() == []


def test_defaults_that_call_a_sequence_come_back(site: DjangoSite) -> None:
    site.database.run(
        "CREATE SEQUENCE `s e`",
        "CREATE TABLE d (id int NOT NULL DEFAULT nextval(`s e`), `x``y` int DEFAULT lastval(`s e`), "
        "said text DEFAULT 'nextval(`s e`)', CHECK (id > 0)) COMMENT 'DEFAULT nextval'",
        "INSERT INTO d (said) VALUES ('one'), ('two')",
        "CREATE TABLE v (id int DEFAULT nextval(`s e`)) WITH SYSTEM VERSIONING",
        "INSERT INTO v VALUES ()",
    )
    require_round_trip(site)
    site.database.run("INSERT INTO d (said) VALUES ('three')")


@pytest.mark.thorough
def test_foreign_keys_to_missing_tables_come_back_as_they_were(site: DjangoSite) -> None:
    site.database.run(
        "SET foreign_key_checks = 0",
        "CREATE TABLE whole (id int PRIMARY KEY, b int, CONSTRAINT w FOREIGN KEY (b) "
        "REFERENCES whole (id))",
    )
    with closing(site.database.connect()) as connection, connection.cursor() as cursor:
        cursor.execute("SET foreign_key_checks = 0")
        cursor.execute(
            "CREATE TABLE c (a int, b int, CONSTRAINT k FOREIGN KEY (a, b) REFERENCES gone (x, y) "
            "ON DELETE CASCADE ON UPDATE SET NULL)"
        )
    done = site.manage("dbbackup")
    assert "These foreign keys refer to tables that do not exist: c to gone." in done.stderr
    before = found(site)
    damage(site)
    site.restore()
    assert found(site) == before
    references = "SELECT DISTINCT referenced_table_schema FROM information_schema.key_column_usage "
    references += "WHERE table_schema = DATABASE() AND referenced_table_name IS NOT NULL"
    assert site.database.rows(references) == [(site.database.name,)]


def test_what_only_lax_sessions_can_make_comes_back(site: DjangoSite) -> None:
    wide = ", ".join(f"c{n} varchar(255)" for n in range(200))
    with closing(site.database.connect()) as connection, connection.cursor() as cursor:
        cursor.execute("SET innodb_strict_mode = 0, check_constraint_checks = 0, sql_mode = ''")
        cursor.execute(f"CREATE TABLE wide ({wide}) CHARSET latin1")
        cursor.execute("CREATE TABLE odd (n int CHECK (n > 5), d date, u int UNIQUE)")
        cursor.execute("INSERT INTO odd VALUES (1, '2024-02-31', 1), (2, '0000-00-00', NULL)")
        cursor.execute("SET explicit_defaults_for_timestamp = 1")
        cursor.execute("CREATE TABLE stamps (a timestamp NOT NULL, b timestamp NULL)")
    require_round_trip(site)


@pytest.mark.parametrize(
    "may_have_scratch",
    [True, pytest.param(False, marks=pytest.mark.thorough)],
    ids=["scratch", "in-place"],
)
def test_definers_that_the_role_may_not_set_become_the_role(
    server: MysqlServer, site: DjangoSite, may_have_scratch: bool
) -> None:
    with closing(MysqlDatabase(server, may_have_scratch=may_have_scratch)) as database:
        site.use(database)
        database.run("CREATE TABLE t (id int)", "CREATE VIEW own AS SELECT id FROM t")
        server.run(
            "CREATE EVENT e ON SCHEDULE EVERY 1 DAY DO DELETE FROM t",
            "CREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW SET @x = 1",
            "CREATE SQL SECURITY INVOKER VIEW w AS SELECT * FROM own",
            database=database.name,
        )
        before = found(site)
        site.back_up()
        done = site.manage("dbrestore", "--noinput")
        assert done.returncode == 0, done.stderr
        assert "admin@%" in done.stderr
        assert "it becomes the definer" in done.stderr
        assert "it is the definer now: view w (was `admin`@`%`)" in done.stderr
        assert found(site) == before.replace("`admin`@", f"`{database.role}`@")
        assert database.leftovers() == []


def test_view_whose_definer_is_gone_is_named_at_the_backup(site: DjangoSite) -> None:
    role = f"{site.database.role}_gone"
    name = quote(site.database.name)
    site.database.run("CREATE TABLE t (id int)")
    site.database.server.run(
        f"CREATE USER {role}",
        f"GRANT ALL ON {name}.* TO {role}",
        f"CREATE DEFINER = {role} VIEW {name}.orphan AS SELECT * FROM {name}.t",
        f"DROP USER {role}",
    )
    with pytest.raises(CommandError, match=r"Broken views: orphan \("):
        site.back_up()
    assert site.stored() == []


@pytest.mark.parametrize(
    "right",
    [
        "EVENT",
        *(
            pytest.param(right, marks=pytest.mark.thorough)
            for right in ("TRIGGER", "SHOW VIEW", "SELECT", "EXECUTE")
        ),
    ],
)
def test_what_the_role_may_not_see_makes_the_backup_fail(site: DjangoSite, right: str) -> None:
    site.database.run("CREATE TABLE t (id int)")
    role, name = site.database.role, quote(site.database.name).replace("_", "\\_")
    rights = {"SELECT", "SHOW VIEW", "TRIGGER", "EVENT", "EXECUTE", "LOCK TABLES"} - {right}
    site.database.server.run(
        f"REVOKE ALL ON {name}.* FROM {role}@'%'",
        f"GRANT {', '.join(sorted(rights))} ON {name}.* TO {role}@'%'",
    )
    with pytest.raises(CommandError, match=f"may not see everything .* lacks {right}"):
        site.back_up()
    assert site.stored() == []


@pytest.mark.thorough
def test_role_with_no_more_rights_than_needed_can_back_up(sample_site: DjangoSite) -> None:
    role, name = sample_site.database.role, quote(sample_site.database.name).replace("_", "\\_")
    sample_site.database.server.run(
        f"REVOKE ALL ON {name}.* FROM {role}@'%'",
        f"GRANT SELECT, SHOW VIEW, TRIGGER, EVENT, EXECUTE ON {name}.* TO {role}@'%'",
    )
    sample_site.back_up()


@pytest.mark.thorough
def test_excluding_what_is_needed_is_refused(sample_site: DjangoSite) -> None:
    sample_site.database.run("CREATE SEQUENCE q", "CREATE TABLE uses (id int DEFAULT nextval(q))")
    options = sample_site.database.options
    for exclude, table, by in (
        ("exclude_tables", "Zoë's `customer", "a foreign key of orders"),
        ("exclude_data", "Zoë's `customer", "a foreign key of orders"),
        ("exclude_tables", "orders", "the view zz"),
        ("exclude_tables", "q", "a default of uses"),
    ):
        options.clear()
        options[exclude] = [table]
        with pytest.raises(CommandError, match=f"{table} is excluded, and {by} needs it"):
            sample_site.back_up()
    assert sample_site.stored() == []
    options.clear()
    # With its triggers, and what a trigger of another table says is not looked at.
    options["exclude_tables"] = ["log", "uses", "q"]
    sample_site.database.run("CREATE TRIGGER x BEFORE INSERT ON log FOR EACH ROW SET @x = 1")
    sample_site.back_up()
    sample_site.restore("--partial")


@pytest.mark.thorough
def test_row_larger_than_half_of_what_the_server_takes_comes_back(site: DjangoSite) -> None:
    [(limit,)] = site.database.rows("SELECT @@global.max_allowed_packet")
    site.database.run(
        "CREATE TABLE blobs (body longblob, small varbinary(99), flag bit(3))",
        f"INSERT INTO blobs SELECT repeat(random_bytes(1000), {int(limit) * 6 // 10_000}), "
        "0x00FF0A0D5C271A22, b'101'",
    )
    require_round_trip(site)


@pytest.mark.thorough
def test_row_that_the_server_would_not_take_is_told_at_the_backup(site: DjangoSite) -> None:
    [(limit,)] = site.database.rows("SELECT @@global.max_allowed_packet")
    site.database.run(
        "CREATE TABLE quotes (body longtext)",
        f"INSERT INTO quotes SELECT repeat(char(39), {int(limit) * 6 // 10})",
    )
    done = site.manage("dbbackup")
    assert done.returncode == 0, done.stderr
    assert "max_allowed_packet of the server must be larger" in done.stderr


@pytest.mark.thorough
def test_event_whose_only_time_has_passed_is_named(site: DjangoSite) -> None:
    site.database.run(
        "CREATE TABLE t (id int)",
        "CREATE EVENT kept ON SCHEDULE EVERY 1 DAY DISABLE DO DELETE FROM t",
    )
    with closing(site.database.connect()) as connection, connection.cursor() as cursor:
        cursor.execute("SET timestamp = 1000000000")
        cursor.execute(
            "CREATE EVENT gone ON SCHEDULE AT '2001-10-01 00:00:00' DISABLE DO DELETE FROM t"
        )
    site.back_up()
    damage(site)
    done = site.manage("dbrestore", "--noinput")
    assert done.returncode == 0, done.stderr
    assert "only time has passed: 1." in done.stderr
    assert site.database.rows("SHOW EVENTS")[0][1] == "kept"


def test_salvage_makes_what_can_be_made(server: MysqlServer, site: DjangoSite) -> None:
    database = site.database
    name = quote(database.name).replace("_", "\\_")
    server.run(f"GRANT ALL ON {name[:-1]}\\_salvaged\\_%`.* TO {database.role}@'%'")
    database.run(
        "CREATE TABLE a (id int PRIMARY KEY)",
        "INSERT INTO a VALUES (1), (2)",
        "CREATE TABLE b (id int PRIMARY KEY)",
        "INSERT INTO b VALUES (1), (2)",
        "CREATE VIEW good AS SELECT * FROM a",
        "CREATE VIEW bad AS SELECT * FROM b",
        "CREATE EVENT e ON SCHEDULE EVERY 1 DAY STARTS '2037-01-01' DO DELETE FROM a",
    )
    live = found(site)
    with client_of(site) as client, client.dump(stall_timeout=None) as source:
        dump = b"".join(iter(lambda: source.read(65_536), b""))
        source.finish()
        expected = client.dump_inventory()
    assert expected is not None
    assert expected.rows == {"a": 2, "b": 2}
    dump = dump.replace(b"CREATE TABLE `b`", b"CREATE TABEL `b`")
    places = set()
    for known in (expected, None):
        with client_of(site) as client, client.salvage(known) as target:
            target.write(dump)
            target.finish()
        missing = "\n".join(target.missing)
        assert "Cannot create view bad" in missing
        assert "table b is missing" in missing or known is None
        assert "good" not in missing
        assert server.rows("SELECT count(*) FROM good", target.place) == [(2,)]
        places.add(target.place)
    assert found(site) == live
    assert set(database.leftovers()) == places


def test_restore_of_less_than_the_backup_held_is_refused(site: DjangoSite) -> None:
    site.database.run("CREATE TABLE a (id int)", "INSERT INTO a VALUES (1), (2)")
    live = found(site)
    for changed in (
        Inventory({"table": frozenset({"a", "b"})}),
        Inventory({"trigger": frozenset({"t"})}),
        Inventory({"table": frozenset({"a"})}, {"a": 3}),
    ):
        dump = dump_of(site)
        with client_of(site) as client, client.restore(changed) as target:
            target.write(dump)
            with pytest.raises(ClientError, match="not what the backup contains"):
                target.finish()
    assert found(site) == live
    assert site.database.leftovers() == []


def test_restore_of_another_body_than_the_backup_held_is_refused(site: DjangoSite) -> None:
    site.database.run("CREATE TABLE t (id int)")
    made = {
        "FUNCTION": "CREATE FUNCTION f(x int) RETURNS int RETURN x + 1",
        "PROCEDURE": "CREATE PROCEDURE p() SELECT 0 + 1",
        "TRIGGER": "CREATE TRIGGER g BEFORE DELETE ON t FOR EACH ROW SET @x = 0 + 1",
        "EVENT": "CREATE EVENT e ON SCHEDULE EVERY 1 DAY DISABLE DO DELETE FROM t WHERE id = 0 + 1",
    }
    site.database.run(*made.values())
    live = found(site)
    with client_of(site) as client, client.dump(stall_timeout=None) as source:
        dump = b"".join(iter(lambda: source.read(65_536), b""))
        source.finish()
        expected = client.dump_inventory()
    for kind in made:
        text = re.compile(rb"(?ms)(^CREATE [^\n]*?%b .*?)\+ 1$" % kind.encode())
        changed, count = text.subn(rb"\1+ 2", dump)
        assert count == 1
        with client_of(site) as client, client.restore(expected) as target:
            target.write(changed)
            with pytest.raises(ClientError, match=f"body in .* of {kind.lower()} .* is missing"):
                target.finish()
    with client_of(site) as client, client.restore(expected) as target:
        target.write(dump)
        target.finish()
        target.swap()
    assert found(site) == live

"""What the server or its programs print wrong, or use up, comes back as it was all the same."""

from contextlib import closing

import pytest
from django.core.management.base import CommandError

from tests.integration.clients.mysql.test_texts import damage, found, run
from tests.support.databases import MysqlDatabase
from tests.support.servers.mysql import MysqlServer
from tests.support.site import DjangoSite

MODES = pytest.mark.parametrize(
    "may_have_scratch",
    [True, pytest.param(False, marks=pytest.mark.thorough)],
    ids=["scratch", "in-place"],
)


def require_round_trip(
    server: MysqlServer, site: DjangoSite, may_have_scratch: bool, *statements: str, mode: str = ""
) -> None:
    with closing(MysqlDatabase(server, may_have_scratch=may_have_scratch)) as database:
        site.use(database)
        run(site, *statements, mode=mode)
        before = found(site)
        site.back_up()
        assert found(site) == before
        damage(site)
        site.restore()
        assert found(site) == before
        assert database.leftovers() == []


@MODES
def test_names_with_line_breaks_and_backticks_come_back(
    server: MysqlServer, site: DjangoSite, may_have_scratch: bool
) -> None:
    require_round_trip(
        server,
        site,
        may_have_scratch,
        "CREATE TABLE `line\r\nbreak` (`a\r\nb` int, `a\nb` int, `a\rb` int COMMENT 'x\r\ny', "
        "KEY `k\r\nk` (`a\r\nb`), CONSTRAINT `c\r\nc` CHECK (`a\r\nb` <> '\r\n')) COMMENT '\r\n' "
        "PARTITION BY RANGE (`a\nb`) (PARTITION `p\r\np` VALUES LESS THAN (10))",
        "INSERT INTO `line\r\nbreak` VALUES (1, 2, 3)",
        "CREATE VIEW `vi\r\new` AS SELECT `a\r\nb` AS `n\r\nn`, '\r\n' AS t FROM `line\r\nbreak`",
        "CREATE TABLE `pa``rent` (`i``d` int, `n\r\nn` int, PRIMARY KEY (`i``d`, `n\r\nn`))",
        "CREATE TABLE child (`i``d` int, `n\r\nn` int, s varchar(99) DEFAULT '` FOREIGN KEY (`', "
        "CONSTRAINT `ba``ck``` FOREIGN KEY (`i``d`, `n\r\nn`) REFERENCES `pa``rent` "
        "(`i``d`, `n\r\nn`) ON DELETE CASCADE, CONSTRAINT `two\r\n``lines` FOREIGN KEY (`i``d`) "
        "REFERENCES `pa``rent` (`i``d`), CONSTRAINT `ch``eck` CHECK (`i``d` > 0))",
        "CREATE TABLE `en;\nd` (`a;\nb` int, b int COMMENT 'it''s;\n' CHECK (b <> ';\n'))",
        "CREATE TRIGGER `t;\nr` BEFORE INSERT ON `en;\nd` FOR EACH ROW SET @x = ';\n'",
        "SET foreign_key_checks = 0",
        "CREATE TABLE lost (a int, b int, c int, d int, FOREIGN KEY (a) REFERENCES gone (id), "
        "FOREIGN KEY (b) REFERENCES gone (id) ON DELETE NO ACTION ON UPDATE NO ACTION, "
        "FOREIGN KEY (c) REFERENCES gone (id) ON DELETE RESTRICT ON UPDATE CASCADE, "
        "CONSTRAINT `d``d` FOREIGN KEY (d) REFERENCES `go``ne` (`i``d`) ON DELETE SET NULL)",
    )


@MODES
def test_backslashes_in_comments_do_not_grow(
    server: MysqlServer, site: DjangoSite, may_have_scratch: bool
) -> None:
    mode = "NO_BACKSLASH_ESCAPES"
    require_round_trip(
        server,
        site,
        may_have_scratch,
        r"CREATE FUNCTION f(a int) RETURNS int DETERMINISTIC COMMENT '\N' RETURN '\N'",
        "CREATE FUNCTION COMMENT(a enum('COMMENT ''\\')) RETURNS int COMMENT '\\\\ñ it''s\r\n\\' RETURN 1",
        r"CREATE PROCEDURE p() COMMENT '\' SELECT 'COMMENT ''\'''",
        r"CREATE EVENT e ON SCHEDULE EVERY 1 DAY STARTS '2037-01-01' COMMENT '\\N''' DO SELECT '\\N'",
        r"CREATE TABLE t (a int COMMENT '\N', b varchar(9) DEFAULT '\') COMMENT '\'",
        "SET sql_mode = 'ORACLE,NO_BACKSLASH_ESCAPES'",
        r"CREATE PACKAGE pk COMMENT '\N' AS FUNCTION f RETURN INT; END",
        r"CREATE PACKAGE BODY pk COMMENT '\' AS FUNCTION f RETURN INT AS BEGIN RETURN 5; END; END",
        mode=mode,
    )


@MODES
def test_views_of_a_sequence_do_not_use_it_up(
    server: MysqlServer, site: DjangoSite, may_have_scratch: bool
) -> None:
    require_round_trip(
        server,
        site,
        may_have_scratch,
        "CREATE SEQUENCE `it's\\s` START WITH 40 INCREMENT BY 5 MAXVALUE 4000 CYCLE",
        "CREATE TABLE t (id int DEFAULT nextval(`it's\\s`))",
        "CREATE VIEW `v'\\` AS SELECT nextval(`it's\\s`) AS n, lastval(`it's\\s`) AS l",
        "CREATE VIEW w AS SELECT n, setval(`it's\\s`, 90) AS s FROM `v'\\`",
        "CREATE VIEW x AS SELECT (SELECT max(n) FROM w) AS n FROM t",
        "CREATE FUNCTION f() RETURNS int RETURN nextval(`it's\\s`)",
        "CREATE VIEW y AS SELECT f() AS n",
    )


def test_key_with_a_name_that_no_server_reads_is_named_at_the_backup(site: DjangoSite) -> None:
    table = "x" * 60
    site.database.run(
        f"CREATE TABLE {table} (a int PRIMARY KEY, b int)",
        f"ALTER TABLE {table} ADD FOREIGN KEY (b) REFERENCES {table} (a)",
    )
    with pytest.raises(CommandError, match=f"key {table}_ibf of {table} could not be restored"):
        site.back_up()
    assert site.stored() == []

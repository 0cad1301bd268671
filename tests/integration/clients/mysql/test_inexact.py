"""Values that no dump of MariaDB can express, and tables whose rows it does not hold."""

from contextlib import closing

import pytest

from tests.integration.clients.mysql.test_texts import require_round_trip
from tests.support.databases import MysqlDatabase
from tests.support.servers.mysql import MysqlServer
from tests.support.site import DjangoSite

pytestmark = pytest.mark.thorough


@pytest.mark.parametrize(
    ("column", "exact", "inexact", "said"),
    [
        ("float", "0.1", "16777216", "Numbers in t.v come back rounded"),
        ("text CHARACTER SET sjis", "'ソ表'", "X'5C'", "Characters in t.v come back as others"),
        ("char(9) CHARACTER SET greek", "'Ω'", "X'AA'", "Characters in t.v come back as others"),
        ("text CHARACTER SET euckr", "'한'", "X'A2E8'", "Characters in t.v come back as others"),
    ],
    ids=["float", "sjis", "greek", "euckr"],
)
def test_values_that_come_back_changed_are_named_at_the_backup(
    site: DjangoSite,
    capsys: pytest.CaptureFixture[str],
    column: str,
    exact: str,
    inexact: str,
    said: str,
) -> None:
    site.database.run(f"CREATE TABLE t (id int, v {column})", f"INSERT INTO t VALUES (1, {exact})")
    before = site.database.fingerprint()
    site.back_up()
    assert "come back" not in capsys.readouterr().err
    site.database.run("DELETE FROM t")
    site.restore()
    assert site.database.fingerprint() == before
    site.database.run(f"INSERT INTO t VALUES (2, {inexact})")
    capsys.readouterr()
    site.back_up()
    assert said in capsys.readouterr().err


def test_history_is_looked_at_and_what_is_left_out_is_not(
    site: DjangoSite, capsys: pytest.CaptureFixture[str]
) -> None:
    site.database.run(
        "CREATE TABLE t (id int, v float) WITH SYSTEM VERSIONING",
        "INSERT INTO t VALUES (1, 16777216)",
        "UPDATE t SET v = 1",
    )
    site.back_up()
    assert "Numbers in t.v come back rounded" in capsys.readouterr().err
    site.database.options["exclude_data"] = ["t"]
    site.back_up()
    assert "come back" not in capsys.readouterr().err


@pytest.mark.parametrize("may_have_scratch", [True, False], ids=["scratch", "in-place"])
def test_dates_that_only_a_lax_mode_allows_come_back(
    server: MysqlServer, site: DjangoSite, may_have_scratch: bool
) -> None:
    with closing(MysqlDatabase(server, may_have_scratch=may_have_scratch)) as database:
        site.use(database)
        database.run(
            "SET sql_mode = 'ALLOW_INVALID_DATES'",
            "CREATE TABLE t (id int AUTO_INCREMENT PRIMARY KEY, on_day date)",
            "INSERT INTO t (on_day) VALUES ('2021-02-31')",
            "CREATE TABLE u (d datetime DEFAULT '2021-02-30 01:02:03')",
            "CREATE TRIGGER g BEFORE INSERT ON u FOR EACH ROW SET @x = 1",
            "INSERT INTO u VALUES ('2021-04-31 00:00:00'), (DEFAULT)",
        )
        require_round_trip(site)
        site.restore()  # the replaced tables are like that, too


def test_an_engine_with_its_rows_elsewhere_is_named_and_comes_back(
    site: DjangoSite, capsys: pytest.CaptureFixture[str]
) -> None:
    site.database.run(
        "CREATE TABLE z (n int) ENGINE = MyISAM",
        "INSERT INTO z VALUES (1)",
        "CREATE TABLE a (n int) ENGINE = MERGE UNION = (z) INSERT_METHOD = LAST",
    )
    require_round_trip(site)
    assert "The rows of these tables are not in the backup: a." in capsys.readouterr().err

"""Tables that a server of MariaDB takes back only under conditions."""

from pathlib import Path

import pytest
from django.core.management.base import CommandError

from tests.integration.clients.mysql.test_texts import require_round_trip
from tests.support.servers.mysql import MysqlServer
from tests.support.site import DjangoSite

pytestmark = pytest.mark.thorough


@pytest.mark.parametrize("engine", ["InnoDB", "MyISAM", "InnoDB PARTITION BY HASH (n)"])
def test_a_table_in_a_folder_of_its_own_comes_back_in_that_of_the_server(
    shop: DjangoSite, server: MysqlServer, capsys: pytest.CaptureFixture[str], engine: str
) -> None:
    if server.folder is None:
        pytest.skip("the folders of the server are not known")
    folder = f"DATA DIRECTORY = '{Path(server.folder, 'temporary')}'"
    partition = f" (PARTITION p {folder})" if "PARTITION" in engine else ""
    options = engine if partition else f"{engine} {folder}"
    shop.database.run(
        f"CREATE TABLE t (n int) ENGINE = {options}{partition}", "INSERT INTO t VALUES (1)"
    )
    shop.back_up()
    assert "are in folders of their own: t." in capsys.readouterr().err
    shop.restore()
    shop.restore()
    assert shop.database.rows("SELECT n FROM t") == [(1,)]
    assert "DIRECTORY" not in str(shop.database.rows("SHOW CREATE TABLE t"))
    assert shop.database.leftovers() == []


def test_what_the_server_does_not_fill_is_found_before_anything_is_emptied(
    shop: DjangoSite, server: MysqlServer, capsys: pytest.CaptureFixture[str]
) -> None:
    shop.database.run(
        "CREATE TABLE plain (n int)",
        "INSERT INTO plain VALUES (1)",
        "CREATE TABLE t (`a;\nb` int, b text) ROW_FORMAT = COMPRESSED",
        "INSERT INTO t VALUES (1, '),\n(2)'), (2, '')",
    )
    before = shop.database.fingerprint()
    shop.back_up()
    server.run("SET GLOBAL innodb_read_only_compressed = ON")
    try:
        with pytest.raises(CommandError, match=r"(?s)read only.*'default' is unchanged"):
            shop.restore()
        assert shop.database.fingerprint() == before
        capsys.readouterr()
        shop.back_up()
        assert "these tables are compressed: t." in capsys.readouterr().err
    finally:
        server.run("SET GLOBAL innodb_read_only_compressed = OFF")
    shop.restore()
    assert shop.database.fingerprint() == before


def test_history_by_transaction_is_named_with_the_way_out(site: DjangoSite) -> None:
    site.database.run(
        "CREATE TABLE t (id int, a bigint unsigned GENERATED ALWAYS AS ROW START, "
        "b bigint unsigned GENERATED ALWAYS AS ROW END, PERIOD FOR SYSTEM_TIME (a, b)) "
        "WITH SYSTEM VERSIONING",
    )
    with pytest.raises(CommandError, match=r"history of t, which is kept by transaction.*\n.*time"):
        site.back_up()
    site.database.options["exclude_tables"] = ["t"]
    site.back_up()


def test_an_archive_that_counts_comes_back(shop: DjangoSite, server: MysqlServer) -> None:
    engines = "SELECT 1 FROM information_schema.engines WHERE engine = 'ARCHIVE'"
    if not shop.database.rows(engines):
        pytest.skip("the server has no ARCHIVE engine")
    shop.database.run(
        "CREATE TABLE t (id int AUTO_INCREMENT PRIMARY KEY, b text) ENGINE = ARCHIVE",
        "INSERT INTO t (b) VALUES ('x'), ('y')",
    )
    require_round_trip(shop)

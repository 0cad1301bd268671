"""MariaDB, where the checks of foreign keys are switched off, and sessions see later commits."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from tests.integration.clients.orm.orm_site import OrmSite, opened
from tests.support.databases import MysqlDatabase
from tests.support.servers.mysql import MysqlServer
from tests.support.site import DjangoSite

pytest.importorskip("MySQLdb")


@pytest.fixture
def orm_site(mysql_server: MysqlServer, site: DjangoSite) -> Iterator[OrmSite]:
    """A site on MariaDB."""
    with (
        closing(MysqlDatabase(mysql_server, collation="utf8mb4_bin")) as database,
        opened(site, database.settings) as orm_site,
    ):
        yield orm_site


def test_every_row_is_as_it_was(orm_site: OrmSite) -> None:
    before = orm_site.fingerprint()
    dump = orm_site.dump()
    orm_site.mutate()
    assert orm_site.fingerprint() != before
    orm_site.restore(dump)
    assert orm_site.fingerprint() == before


def test_rows_written_during_a_dump_are_not_in_it(orm_site: OrmSite) -> None:
    whole = orm_site.dump()
    with orm_site.client() as client, client.dump(stall_timeout=None) as source:
        begun = source.read(100)
        other = orm_site.connection.copy()
        other.cursor().execute("UPDATE legacy SET title = 'meanwhile'")
        other.close()
        rest = b"".join(iter(lambda: source.read(10_000), b""))
        source.finish()
    assert begun + rest == whole
    assert b"meanwhile" in orm_site.dump()

"""A backup is rehearsed in a scratch schema, and the live one is not touched."""

from contextlib import closing

import pytest
from django.core.management.base import CommandError

from tests.support.databases import MysqlDatabase
from tests.support.rehearsals import Rehearsals
from tests.support.servers.mysql import MysqlServer
from tests.support.site import DjangoSite


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

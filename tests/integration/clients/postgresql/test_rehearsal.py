"""A backup is rehearsed in a scratch database, and the live one is not touched."""

import pytest
from django.core.management.base import CommandError

from tests.support.rehearsals import Rehearsals
from tests.support.site import DjangoSite


class TestRehearsals(Rehearsals):
    """In a database that is created for it."""

    @pytest.fixture
    def rehearsing(self, sample_site: DjangoSite) -> DjangoSite:
        """A shop whose role may create databases."""
        database = sample_site.database
        database.run(f"ALTER ROLE {database.role} CREATEDB", superuser=True)
        return sample_site


def test_a_role_that_may_not_create_databases_is_told_where_else(
    sample_site: DjangoSite,
) -> None:
    sample_site.back_up()
    with pytest.raises(CommandError) as caught:
        sample_site.call("dbverify")
    assert "must have CREATEDB" in str(caught.value)
    assert 'Let REHEARSAL name another database to rehearse in: {"default": "rehearsal"}' in str(
        caught.value
    )
    assert [path.suffix for path in sample_site.stored()] == [".zst", ".json"]

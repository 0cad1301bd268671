"""The locks of a restore are counted beforehand, and another way is taken where there is one."""

from io import StringIO

import pytest
from django.core.management.base import CommandError

from tests.support.site import DjangoSite


@pytest.fixture
def crowded(site: DjangoSite) -> DjangoSite:
    """A database with more objects than one transaction can lock."""
    rows = site.database.rows(
        "SELECT current_setting('max_locks_per_transaction')::int * "
        "(current_setting('max_connections')::int + current_setting('max_prepared_transactions')::int)"
    )
    site.database.run("CREATE TABLE note (n integer); INSERT INTO note VALUES (1)")
    site.database.run(f"SELECT lo_create(0) FROM generate_series(1, {rows[0][0]})")
    return site


def test_too_few_locks_are_told_at_the_backup_and_before_the_question(crowded: DjangoSite) -> None:
    site, errors = crowded, StringIO()
    site.call("dbbackup", stderr=errors)
    assert "max_locks_per_transaction is" in errors.getvalue()
    site.database.run("DELETE FROM note")
    with pytest.raises(CommandError, match=r"takes about [\d,]+ locks.*at least \d+") as caught:
        site.restore()
    assert "CREATEDB" in str(caught.value)
    assert site.database.rows("SELECT count(*) FROM note") == [(0,)]


def test_with_too_few_locks_a_role_that_may_swap_swaps(crowded: DjangoSite) -> None:
    site, errors = crowded, StringIO()
    site.database.run(f"ALTER ROLE {site.database.role} CREATEDB", superuser=True)
    before = site.database.fingerprint()
    site.call("dbbackup", stderr=errors)
    assert "max_locks" not in errors.getvalue()
    site.database.run("DELETE FROM note")
    site.call("dbrestore", "--noinput", stderr=errors)
    assert "goes into a new database" in errors.getvalue()
    assert site.database.fingerprint() == before
    assert site.database.leftovers() == []


@pytest.mark.thorough
def test_locks_that_suffice_are_not_mentioned(sample_site: DjangoSite) -> None:
    errors = StringIO()
    sample_site.call("dbbackup", stderr=errors)
    sample_site.call("dbrestore", "--noinput", stderr=errors)
    assert errors.getvalue() == ""

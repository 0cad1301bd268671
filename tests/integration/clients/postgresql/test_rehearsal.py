"""A backup is rehearsed in a scratch database, and the live one is not touched."""

import pytest
from django.core.management.base import CommandError

from tests.support.rehearsals import Rehearsals
from tests.support.site import DjangoSite

CLIENT = "django_rclone.clients.postgresql"


class TestRehearsals(Rehearsals):
    """In a database that is created for it."""

    @pytest.fixture
    def rehearsing(self, sample_site: DjangoSite) -> DjangoSite:
        """A shop whose role may create databases."""
        return may_create_databases(sample_site)


def may_create_databases(site: DjangoSite) -> DjangoSite:
    site.database.run(f"ALTER ROLE {site.database.role} CREATEDB", superuser=True)
    return site


def test_rows_that_no_restore_takes_are_found_although_the_backup_did_not_say_so(
    site: DjangoSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    may_create_databases(site)
    site.database.run(
        "CREATE TABLE parent (id integer PRIMARY KEY)",
        "CREATE TABLE child (parent integer REFERENCES parent)",
    )
    site.database.run(
        "SET session_replication_role = replica; INSERT INTO child VALUES (9)", superuser=True
    )
    # What names such rows at the backup.
    monkeypatch.setattr(f"{CLIENT}.snapshot.checks_of_rows", lambda session: iter(()))
    site.back_up()
    with pytest.raises(CommandError, match=r"is not restorable: .*child_parent_fkey"):
        site.call("dbverify")
    assert site.database.leftovers() == []


def test_functions_that_would_not_find_what_they_call_are_found(
    site: DjangoSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    may_create_databases(site)
    site.database.run(
        f"ALTER DATABASE {site.database.name} SET search_path = public, words", superuser=True
    )
    site.database.run(
        """
        CREATE SCHEMA words;
        CREATE FUNCTION words.low(text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT lower($1)';
        CREATE FUNCTION slug(text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS
            'BEGIN RETURN low($1); END';
        CREATE TABLE article (title text, slug text GENERATED ALWAYS AS (slug(title)) STORED);
        INSERT INTO article VALUES ('ONE');
        """
    )
    site.back_up()
    site.call("dbverify")
    # What gives them the search path that they were written for.
    monkeypatch.setattr(f"{CLIENT}.execution.Execution.open", lambda execution, path: None)
    with pytest.raises(CommandError, match=r"is not restorable: .*low\(text\)"):
        site.call("dbverify")
    assert site.database.leftovers() == []


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

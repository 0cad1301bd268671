"""A backup is rehearsed in a scratch database, and the live one is not touched."""

import re

import pytest
from django.core.management.base import CommandError

from django_rclone.clients.postgresql.arguments import tool_arguments
from tests.support.findings import look_at
from tests.support.rehearsals import Mend, Rehearsals, require_found
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


MENDS = {
    "a check that reads what is loaded later": Mend(
        made=[
            """
            CREATE TABLE z_limit (most integer);
            INSERT INTO z_limit VALUES (9);
            CREATE FUNCTION fits(integer) RETURNS boolean LANGUAGE plpgsql AS
                'BEGIN RETURN EXISTS (SELECT FROM public.z_limit WHERE most >= $1); END';
            CREATE TABLE a_row (n integer CONSTRAINT it_fits CHECK (fits(n)));
            INSERT INTO a_row VALUES (1)
            """
        ],
        breaks={f"{CLIENT}.player.checks_by_functions": lambda session: []},
        complaint="it_fits",
    ),
    "texts written under another setting": Mend(
        made=[
            "ALTER ROLE CURRENT_USER SET standard_conforming_strings = off",
            r"CREATE TABLE words (word text DEFAULT E'a\\b')",
        ],
        breaks={
            f"{CLIENT}.client.tool_arguments": lambda connector, options, settings: tool_arguments(
                connector, options, {}
            )
        },
        complaint="standard_conforming_strings",
    ),
    "what a superuser made in the database of a plain role": Mend(
        made_by_superuser=["CREATE CAST (varchar AS json) WITH INOUT"],
        # The backup names it, and is made.
        complaint="must be owner of type",
    ),
    "rows left out that others refer to": Mend(
        made=[
            "CREATE TABLE parent (id integer PRIMARY KEY)",
            "CREATE TABLE child (parent integer REFERENCES parent)",
            "INSERT INTO parent VALUES (1)",
            "INSERT INTO child VALUES (1)",
        ],
        options={"exclude_data": ["parent"]},
        breaks={f"{CLIENT}.client.require_may_exclude": lambda *_: None},
        complaint="child_parent_fkey",
    ),
    "half a dump whose program did not say so": Mend(
        made=["CREATE TABLE words AS SELECT repeat('word', 99) FROM generate_series(1, 999)"],
        cut="-9999",
        complaint="pg_restore|end of file",
    ),
}


@pytest.mark.thorough
@pytest.mark.parametrize("mend", MENDS.values(), ids=MENDS)
def test_what_a_broken_mend_lets_through_is_found(
    site: DjangoSite, monkeypatch: pytest.MonkeyPatch, mend: Mend
) -> None:
    require_found(may_create_databases(site), mend, monkeypatch)


def test_a_role_that_may_not_create_databases_is_told_where_else(
    sample_site: DjangoSite,
) -> None:
    sample_site.back_up()
    with pytest.raises(CommandError) as caught:
        sample_site.call("dbverify")
    assert re.search(
        r"have CREATEDB \(`ALTER ROLE \w+ CREATEDB`, as a superuser", str(caught.value)
    )
    assert 'Let REHEARSAL name another database to rehearse in: {"default": "rehearsal"}' in str(
        caught.value
    )
    [told] = [one for one in look_at(sample_site)["warning"] if one["step"].startswith("rehearsal")]
    assert "have CREATEDB" in told["text"]
    assert "Let REHEARSAL name another database" in told["fix"]
    may_create_databases(sample_site)
    assert told["step"] not in {one["step"] for one in look_at(sample_site)["warning"]}
    assert [path.suffix for path in sample_site.stored()] == [".zst", ".json"]

"""Empty values of geometry columns: the server has them, and takes them from nobody."""

import pytest
from django.core.management.base import CommandError

from tests.support.site import DjangoSite

PLACES = ("CREATE TABLE place (id int PRIMARY KEY)", "INSERT INTO place VALUES (1), (2)")


@pytest.mark.parametrize("kind", ["point", "geometrycollection"])
def test_an_empty_value_is_found_before_the_dump(site: DjangoSite, kind: str) -> None:
    site.database.run(
        *PLACES, "SET sql_mode = 'STRICT_ALL_TABLES'", f"ALTER TABLE place ADD at {kind} NOT NULL"
    )
    with pytest.raises(CommandError) as caught:
        site.call("dbbackup")
    assert "Rows of place have an empty value in at, which cannot be restored" in str(caught.value)
    assert "where octet_length(`at`) = 0" in str(caught.value)
    assert site.stored() == []
    site.database.run("DELETE FROM place")
    site.call("dbbackup")


@pytest.mark.thorough
def test_it_is_of_no_concern_where_the_rows_are_left_out(site: DjangoSite) -> None:
    site.database.run(*PLACES, "ALTER TABLE place ADD at point NOT NULL")
    site.rclone["CLIENTS"] = {"default": {"OPTIONS": {"exclude_data": ["place"]}}}
    site.call("dbbackup")


@pytest.mark.thorough
def test_it_is_found_in_the_history_of_a_table(site: DjangoSite) -> None:
    site.database.run(
        *PLACES,
        "ALTER TABLE place ADD at point NOT NULL",
        "ALTER TABLE place ADD SYSTEM VERSIONING",
        "UPDATE place SET at = POINT(1, 2)",
    )
    with pytest.raises(CommandError, match="Rows of place have an empty value in at"):
        site.call("dbbackup")


def test_geometries_come_back(site: DjangoSite) -> None:
    site.database.run(
        "CREATE TABLE place (at point NOT NULL, area polygon, SPATIAL KEY (at))",
        "INSERT INTO place VALUES (POINT(1e-300, -0e0), NULL)",
        "INSERT INTO place VALUES (POINT(1, 2), ST_GeomFromText('POLYGON((0 0, 0 1, 1 1, 0 0))'))",
    )
    before = site.database.fingerprint()
    site.call("dbbackup")
    site.database.run("DELETE FROM place")
    site.call("dbrestore", "--noinput")
    assert site.database.fingerprint() == before

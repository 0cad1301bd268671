"""What cannot be restored whole is salvaged next to the live database, and what is missing is told."""

from contextlib import closing

import pytest
from django.core.management.base import CommandError

from tests.support.site import DjangoSite

BROKEN = """
    ALTER TABLE orders DISABLE TRIGGER ALL;
    INSERT INTO orders (customer, total) VALUES (123456, 1);
    ALTER TABLE orders ENABLE TRIGGER ALL;
    CREATE CAST (varchar AS json) WITH INOUT;
"""
BY_ROLE = """
    CREATE TABLE offer (id integer, ends timestamptz CHECK (ends > now()));
    INSERT INTO offer SELECT n, now() + interval '1 day' FROM generate_series(1, 500) n;
    INSERT INTO offer VALUES (0, now() + interval '0.05 s');
    SELECT pg_sleep(0.1);
"""


def salvage(site: DjangoSite) -> tuple[str, str]:
    """Salvage the newest backup; return the new database, and what is said to be missing."""
    with pytest.raises(CommandError, match="could not be salvaged") as caught:
        site.call("dbrestore", "--noinput", "--salvage")
    [name] = [n for n in site.database.databases() if "_salvaged_" in n]
    return name, str(caught.value)


def test_a_salvage_makes_all_but_what_fails(sample_site: DjangoSite) -> None:
    site = sample_site
    site.database.run(f"ALTER ROLE {site.database.role} CREATEDB", BROKEN, superuser=True)
    site.database.run(BY_ROLE)
    site.back_up()
    site.database.run("DELETE FROM entry")
    live = site.database.fingerprint()
    with pytest.raises(CommandError, match="offer"):
        site.restore()
    place, missing = salvage(site)
    assert site.database.fingerprint() == live
    assert "1 rows are missing" in missing
    assert "offer_ends_check" in missing
    assert "orders_customer_fkey" in missing
    assert "NOT VALID" in missing
    assert "CAST" in missing
    assert len(missing.splitlines()) == 5, missing
    with closing(site.database.server.connect(place)) as connection:
        counts = "SELECT (SELECT count(*) FROM entry), (SELECT count(*) FROM orders), (SELECT count(*) FROM offer)"
        assert connection.execute(counts).fetchone() == (500, 401, 500)
        valid = "SELECT convalidated FROM pg_constraint WHERE conname = 'orders_customer_fkey'"
        assert connection.execute(valid).fetchone() == (False,)


def test_a_salvage_that_is_whole_says_so(sample_site: DjangoSite) -> None:
    site = sample_site
    site.database.run(f"ALTER ROLE {site.database.role} CREATEDB", superuser=True)
    site.back_up()
    before = site.database.schema()
    said = site.call("dbrestore", "--noinput", "--salvage")
    [name] = [n for n in site.database.databases() if "_salvaged_" in n]
    assert name in said
    live, site.database.name = site.database.name, name
    try:
        assert site.database.schema() == before
    finally:
        site.database.name = live


def test_a_role_that_may_create_no_database_is_told_what_to_do(sample_site: DjangoSite) -> None:
    sample_site.back_up()
    with pytest.raises(CommandError, match="CREATEDB"):
        sample_site.call("dbrestore", "--noinput", "--salvage")
    assert sample_site.database.leftovers() == []


def test_a_dump_that_is_cut_off_leaves_no_salvaged_database(sample_site: DjangoSite) -> None:
    site = sample_site
    site.database.run(f"ALTER ROLE {site.database.role} CREATEDB", superuser=True)
    site.rclone["COMPRESSION"] = None
    dump = site.back_up()
    dump.write_bytes(dump.read_bytes()[:-3000])
    with pytest.raises(CommandError):
        site.call("dbrestore", "--noinput", "--salvage")
    assert site.database.leftovers() == []

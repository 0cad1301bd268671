"""Packages in the live database: the server knows the word in the mode ORACLE alone."""

import pytest

from django_rclone.exceptions import SwapRefused
from tests.integration.clients.mysql.test_staging import (
    STEPS,
    client_of,
    dump_of,
    ready_to_swap,
    spoil,
)
from tests.integration.clients.mysql.test_texts import run
from tests.support.site import DjangoSite

pytestmark = pytest.mark.thorough

PACKAGE = (
    "CREATE PACKAGE pk AS FUNCTION f RETURN INT; END",
    "CREATE PACKAGE BODY pk AS FUNCTION f RETURN INT AS BEGIN RETURN 5; END; END",
)


@pytest.fixture
def shop(shop: DjangoSite) -> DjangoSite:
    """The same with a table and a package."""
    shop.database.run("CREATE TABLE t (id int)", "INSERT INTO t VALUES (1)")
    run(shop, *PACKAGE, mode="ORACLE")
    return shop


def test_a_live_package_is_replaced(shop: DjangoSite) -> None:
    before = shop.database.fingerprint()
    shop.back_up()
    run(
        shop,
        "CREATE OR REPLACE PACKAGE BODY pk AS FUNCTION f RETURN INT AS BEGIN RETURN 6; END; END",
        "CREATE PACKAGE later AS FUNCTION f RETURN INT; END",
        mode="ORACLE",
    )
    shop.restore()
    assert shop.database.fingerprint() == before
    shop.restore()
    assert shop.database.fingerprint() == before


@STEPS
def test_a_live_package_comes_back_if_the_swap_fails(site: DjangoSite, version: str) -> None:
    site.database.run("CREATE TABLE t (id int)", "CREATE VIEW v AS SELECT id FROM t")
    run(site, *PACKAGE, mode="ORACLE")
    dump = dump_of(site)
    run(site, "CREATE PACKAGE later AS FUNCTION f RETURN INT; END", mode="ORACLE")
    before = site.database.fingerprint()
    with ready_to_swap(client_of(site), dump, version) as target:
        spoil(target)
        with pytest.raises(SwapRefused, match="syntax"):
            target.swap()
    assert site.database.fingerprint() == before
    assert site.database.leftovers() == []

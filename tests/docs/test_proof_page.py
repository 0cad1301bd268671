"""The check of a site's own on the page about proof."""

from tests.docs.projects import write_files
from tests.docs.texts import PAGES
from tests.support.site import DjangoSite


def test_the_check_on_the_page_passes_a_database_with_tables_and_no_other(site: DjangoSite):
    write_files(site, PAGES / "proof.md")
    site.rclone["REHEARSAL_CHECKS"] = ["shop.checks.orders_add_up"]
    site.back_up()
    assert site.manage("dbverify").returncode == 0

    site.database.run("DROP TABLE entry")
    empty = site.back_up()
    process = site.manage("dbverify", "-i", empty.name)
    assert process.returncode == 1
    assert "shop.checks.orders_add_up: there is no table" in process.stderr

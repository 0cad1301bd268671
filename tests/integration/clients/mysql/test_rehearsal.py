"""A backup is rehearsed in a scratch schema, and the live one is not touched."""

from contextlib import closing

import pytest
from django.core.management.base import CommandError

from django_rclone.backups.inventory import Inventory
from tests.support.databases import MysqlDatabase
from tests.support.servers.mysql import MysqlServer
from tests.support.site import DjangoSite


def answers(connection):
    with connection.cursor() as cursor:
        cursor.execute("SELECT database(), count(*) FROM entry")
        name, count = cursor.fetchone()
    return [f"{count} entries in a scratch schema: {'_restoring_' in name}"]


def test_a_rehearsal_touches_no_live_data_and_leaves_nothing(sample_site: DjangoSite) -> None:
    site = sample_site
    dump = site.back_up()
    site.database.mutate()
    live = site.database.fingerprint()

    printed = site.call("dbverify")

    assert f"Rehearsed db/{dump.name}" in printed
    assert site.database.fingerprint() == live
    assert site.database.leftovers() == []


def test_the_sites_checks_ask_the_scratch_database(sample_site: DjangoSite) -> None:
    site = sample_site
    site.rclone["REHEARSAL_CHECKS"] = [f"{__name__}.answers"]
    site.back_up()
    site.database.run("DELETE FROM entry WHERE id > 7")
    with pytest.raises(CommandError, match="500 entries in a scratch schema: True"):
        site.call("dbverify")


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


def test_what_comes_back_otherwise_than_it_was_counted_does_not_pass(
    sample_site: DjangoSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = sample_site
    counted = Inventory.to_text
    with monkeypatch.context() as patch:
        patch.setattr(
            Inventory,
            "to_text",
            lambda self: counted(Inventory(self.objects, {t: n + 1 for t, n in self.rows.items()})),
        )
        site.back_up()
    with pytest.raises(CommandError, match="is not restorable"):
        site.call("dbverify")
    assert site.database.leftovers() == []

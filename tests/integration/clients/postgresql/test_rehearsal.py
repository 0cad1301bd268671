"""A backup is rehearsed in a scratch database, and the live one is not touched."""

import pytest
from django.core.management.base import CommandError

from django_rclone.backups.inventory import Inventory
from tests.support.site import DjangoSite


@pytest.fixture
def rehearsing(sample_site: DjangoSite) -> DjangoSite:
    """A shop whose role may create databases."""
    database = sample_site.database
    database.run(f"ALTER ROLE {database.role} CREATEDB", superuser=True)
    return sample_site


def answers(connection):
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_database(), count(*) FROM entry")
        name, count = cursor.fetchone()
    return [f"{count} entries in a scratch database: {'_restoring_' in name}"]


def test_a_rehearsal_touches_no_live_data_and_leaves_nothing(rehearsing: DjangoSite) -> None:
    site = rehearsing
    dump = site.back_up()
    site.database.mutate()
    live = site.database.fingerprint()

    printed = site.call("dbverify")

    assert f"Rehearsed db/{dump.name}" in printed
    assert site.database.fingerprint() == live
    assert site.database.leftovers() == []


def test_the_sites_checks_ask_the_scratch_database(rehearsing: DjangoSite) -> None:
    site = rehearsing
    site.rclone["REHEARSAL_CHECKS"] = [f"{__name__}.answers"]
    site.back_up()
    site.database.run("DELETE FROM entry WHERE id > 7")
    with pytest.raises(CommandError, match="500 entries in a scratch database: True"):
        site.call("dbverify")


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


def test_what_comes_back_otherwise_than_it_was_counted_does_not_pass(
    rehearsing: DjangoSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = rehearsing
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

"""What every restore does first to the database that it replaces, for the tests of each engine."""

from tests.support.site import DjangoSite


class SafetyNets:
    """Derive a class of tests from it, where ``sample_site`` is a site with some of everything."""

    def test_what_a_restore_replaced_comes_back_whole(self, sample_site: DjangoSite) -> None:
        site = sample_site
        site.rclone["SAFETY_BACKUP"] = "7d"
        before = site.database.fingerprint()
        site.back_up()
        site.database.mutate()
        replaced = site.database.fingerprint()

        site.restore()
        assert site.database.fingerprint() == before
        (name,) = (one["name"] for one in site.backups() if one["pinned"])
        site.restore("-i", name)
        assert site.database.fingerprint() == replaced

    def test_nothing_is_backed_up_first_of_an_empty_database(self, site: DjangoSite) -> None:
        site.rclone["SAFETY_BACKUP"] = "7d"
        site.database.run("CREATE TABLE entry (id int PRIMARY KEY)")
        site.back_up()
        site.database.run("DROP TABLE entry")
        site.restore()
        assert site.database.rows("SELECT count(*) FROM entry") == [(0,)]
        assert len(site.backups()) == 1
        site.restore()
        assert len(site.backups()) == 2

"""What a restore replaces is backed up first: MariaDB."""

from tests.support.safety_nets import SafetyNets
from tests.support.site import DjangoSite


class TestSafetyNets(SafetyNets):
    """Through a scratch schema."""


def test_what_an_interrupted_restore_left_is_not_backed_up(site: DjangoSite) -> None:
    site.rclone["SAFETY_BACKUP"] = "7d"
    site.database.run("CREATE TABLE entry (id int PRIMARY KEY)", "INSERT INTO entry VALUES (1)")
    before = site.database.fingerprint()
    site.back_up()
    # As a restore in place leaves it that is killed half-way.
    site.database.run("DROP TABLE entry", "CREATE TABLE emptied_0123abcd_0 (emptied int)")
    site.restore()
    assert site.database.fingerprint() == before
    assert len(site.backups()) == 1

"""What a restore replaces is backed up first: PostgreSQL."""

from tests.support.safety_nets import SafetyNets
from tests.support.site import DjangoSite


class TestSafetyNets(SafetyNets):
    """In one transaction."""


def test_large_objects_alone_are_something_to_lose(site: DjangoSite) -> None:
    site.rclone["SAFETY_BACKUP"] = "7d"
    site.back_up()
    site.database.run("SELECT lo_from_bytea(0, 'the only copy')")
    site.restore()
    assert [bool(one["pinned"]) for one in site.backups()] == [True, False]

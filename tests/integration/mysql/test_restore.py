"""A restore makes a MariaDB schema equal the backup, or leaves it as it was."""

from tests.integration.mysql.shop import Shop


def test_a_diverged_database_equals_the_backup(diverged: tuple[Shop, str]) -> None:
    shop, before = diverged
    shop.restore()
    assert shop.fingerprint() == before
    assert shop.leftovers() == []

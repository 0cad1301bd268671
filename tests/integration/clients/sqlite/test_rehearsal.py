"""A backup of SQLite is rehearsed in a private file, and the live one is not touched."""

from pathlib import Path

import pytest

from django_rclone.clients.sqlite.checking import Findings
from tests.support.databases import SqliteDatabase
from tests.support.rehearsals import Mend, require_found
from tests.support.site import DjangoSite

CLIENT = "django_rclone.clients.sqlite"
MENDS = {
    "a copy that is damaged": Mend(
        made=[
            "CREATE TABLE t (n integer, word text)",
            "INSERT INTO t VALUES (1, 'one')",
            "CREATE INDEX words ON t (word)",
            (
                "PRAGMA writable_schema = ON; UPDATE sqlite_master SET sql = 'CREATE INDEX words "
                "ON t (n)' WHERE name = 'words'"
            ),
        ],
        breaks={f"{CLIENT}.client.integrity_of": lambda connection, check: Findings()},
        complaint="index words",
    ),
}


@pytest.mark.thorough
@pytest.mark.parametrize("mend", MENDS.values(), ids=MENDS)
def test_what_a_broken_mend_lets_through_is_found(
    site: DjangoSite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mend: Mend
) -> None:
    folder = tmp_path / "live"
    folder.mkdir()
    site.use(SqliteDatabase(folder / "db.sqlite3"))
    require_found(site, mend, monkeypatch)

"""The clients on the page about writing one."""

import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.docs.projects import write_files
from tests.docs.texts import PAGES
from tests.support.site import DjangoSite


def execute(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        for statement in statements:
            connection.execute(statement)


@pytest.fixture
def client_site(site: DjangoSite) -> DjangoSite:
    """A site with the files of the page about clients."""
    write_files(site, PAGES / "writing-a-client.md")
    return site


def use(site: DjangoSite, client: str, **options: object) -> None:
    site.rclone["CLIENTS"] = {"default": {"BACKEND": f"shop.{client}", "OPTIONS": options}}


@pytest.mark.parametrize("client", ["backups.StrictSqliteClient", "compact.CompactSqliteClient"])
@pytest.mark.parametrize("journal", ["delete", "wal"])
def test_client_restores_what_it_backed_up(client, journal, client_site: DjangoSite):
    use(client_site, client)
    execute(client_site.database.path, f"PRAGMA journal_mode = {journal}")
    before = client_site.database.fingerprint()

    backup = client_site.manage("dbbackup")
    client_site.database.mutate()
    restore = client_site.manage("dbrestore", "--noinput")

    assert (backup.returncode, restore.returncode) == (0, 0), backup.stderr + restore.stderr
    assert client_site.database.fingerprint() == before


def add_dangling_rows(path: Path) -> None:
    execute(
        path,
        "CREATE TABLE child (entry_id INTEGER REFERENCES entry (id))",
        "INSERT INTO child VALUES (100001), (100002)",
    )


def test_strict_client_refuses_dangling_rows(client_site: DjangoSite):
    use(client_site, "backups.StrictSqliteClient", dangling_allowed=1)
    add_dangling_rows(client_site.database.path)

    process = client_site.manage("dbbackup")

    assert process.returncode == 1
    assert "2 rows refer to rows that do not exist." in process.stderr
    assert client_site.stored() == []


def test_strict_client_accepts_as_many_as_its_option_allows(client_site: DjangoSite):
    use(client_site, "backups.StrictSqliteClient", dangling_allowed=2)
    add_dangling_rows(client_site.database.path)
    assert client_site.manage("dbbackup").returncode == 0


def test_truncated_backup_of_the_compact_client_changes_nothing(client_site: DjangoSite):
    use(client_site, "compact.CompactSqliteClient")
    client_site.manage("dbbackup")
    (dump,) = [path for path in client_site.stored() if path.suffix == ".zst"]
    dump.write_bytes(dump.read_bytes()[:-9])
    client_site.database.mutate()
    before = client_site.database.fingerprint()

    process = client_site.manage("dbrestore", "--noinput", "--unverified", "-i", dump.name)

    assert process.returncode == 1
    assert "truncated" in process.stderr
    assert client_site.database.fingerprint() == before


def test_compact_client_refuses_a_damaged_database(client_site: DjangoSite):
    use(client_site, "compact.CompactSqliteClient")
    database = client_site.database.path
    data = bytearray(database.read_bytes())
    data[4096:6000] = b"\xff" * (6000 - 4096)
    database.write_bytes(data)

    process = client_site.manage("dbbackup")

    assert process.returncode == 1, process.stdout
    assert client_site.stored() == []


def test_compact_client_passes_the_suite(client_site: DjangoSite):
    tests = client_site.folder / "shop" / "tests.py"
    tests.write_text(tests.read_text() + "\n\nOnFolderTests.kills = 1\n")
    process = client_site.manage("test", "shop.tests.OnFolderTests")
    assert process.returncode == 0, process.stderr
    assert re.search(r"Ran [12][0-9] tests", process.stderr)
    assert "OK" in process.stderr


def test_suite_finds_a_client_that_accepts_a_truncated_dump(client_site: DjangoSite):
    client = client_site.folder / "shop" / "compact.py"
    check = "PRAGMA quick_check"
    assert check in client.read_text()
    client.write_text(client.read_text().replace(check, "SELECT 'ok'").replace("False", "True"))
    name = "test_a_rehearsal_fails_for_a_truncated_dump"
    process = client_site.manage("test", f"shop.tests.OnFolderTests.{name}")
    assert process.returncode == 1
    assert "FAILED (failures=1)" in process.stderr

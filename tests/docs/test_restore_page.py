"""The runbook: what it says can be done by hand, and for a single table, can be done."""

import os
import re
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.docs.texts import page
from tests.support.databases import Database, PostgresqlDatabase
from tests.support.servers.postgresql import PostgresqlServer
from tests.support.site import RCLONE, DjangoSite

needs_zstd = pytest.mark.skipif(shutil.which("zstd") is None, reason="zstd is not installed")


@pytest.fixture
def postgresql(postgresql_server: PostgresqlServer) -> Iterator[PostgresqlDatabase]:
    with closing(PostgresqlDatabase(postgresql_server)) as database:
        yield database


def by_hand(
    engine: str, site: DjangoSite, database: Database, target: str = "", **variables: str
) -> None:
    """Run the command that the page has for an engine, into the database ``target``."""
    row = next(line for line in page("restore").splitlines() if line.startswith(f"| {engine} |"))
    command = re.findall(r"`([^`]+)`", row)[0]
    name = site.dump().name.removesuffix(".zst").rpartition(".")[0]
    command = command.replace("backups:shop", str(site.remote)).replace("NAME", name)
    command = command.replace("-d shop", f"-d {target}")
    env = {
        **os.environ,
        **variables,
        "PATH": f"{RCLONE.parent}:{database.tools}:{os.environ['PATH']}",
        "RCLONE_CONFIG": "/dev/null",
    }
    subprocess.run(["bash", "-o", "pipefail", "-c", command], cwd=site.folder, env=env, check=True)


@needs_zstd
def test_a_dump_of_sqlite_is_restored_by_hand(site: DjangoSite) -> None:
    before = site.database.fingerprint()
    site.call("dbbackup")
    site.database.tools = Path("/nowhere")
    by_hand("SQLite", site, site.database)
    (site.folder / "db.sqlite3").replace(site.database.path)
    assert site.database.fingerprint() == before


@needs_zstd
def test_a_dump_of_postgresql_is_restored_by_hand(
    site: DjangoSite, postgresql: PostgresqlDatabase, postgresql_server: PostgresqlServer
) -> None:
    site.use(postgresql)
    postgresql.add_entries()
    expected = postgresql.rows("SELECT * FROM entry ORDER BY 1")
    site.call("dbbackup")
    with closing(PostgresqlDatabase(postgresql_server)) as empty:
        settings = {name: str(value) for name, value in empty.settings.items()}
        by_hand(
            *("PostgreSQL", site, postgresql, settings["NAME"]),
            PGHOST=settings["HOST"],
            PGPORT=settings["PORT"],
            PGUSER=settings["USER"],
            PGPASSWORD=settings["PASSWORD"],
        )
        assert empty.rows("SELECT * FROM entry ORDER BY 1") == expected


def test_one_table_comes_from_a_copy_next_to_the_database(site: DjangoSite) -> None:
    expected = site.database.rows("SELECT * FROM entry ORDER BY 1")
    site.call("dbbackup")
    site.database.run("DELETE FROM entry WHERE id < 100")
    printed = site.call("dbrestore", "--salvage", "-i", site.dump().name, "--noinput")
    place = re.search(r"Salvaged into (.+)\. Database", printed)
    assert place
    (script,) = re.findall(r"```sql\n(.+?)```", page("restore"), re.S)
    script = script.replace("/srv/shop/db.sqlite3.salvaged-20261123170000", place[1])
    with closing(sqlite3.connect(site.database.path)) as connection:
        connection.executescript(script)
    assert site.database.rows("SELECT * FROM entry ORDER BY 1") == expected


def test_a_changed_key_is_fixed_by_what_the_refusal_says(site: DjangoSite) -> None:
    site.call("dbbackup")
    site.rclone["SIGNING_KEY"] = "the new one"
    done = site.manage("dbrestore", "--noinput", "-i", site.dump().name)
    assert done.returncode == 1
    assert "add the old one to SIGNING_KEY_FALLBACKS" in done.stderr
    site.rclone["SIGNING_KEY_FALLBACKS"] = ["the-secret-key-of-the-tests"]
    site.restore()

"""Backups of django-dbbackup, made by itself, come back as the page about moving says."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path

import pytest

from tests.docs.texts import PAGES, blocks
from tests.support.databases.mysql import MysqlDatabase
from tests.support.databases.postgresql import PostgresqlDatabase
from tests.support.servers.mysql import MysqlServer
from tests.support.servers.postgresql import PostgresqlServer
from tests.support.site import DjangoSite, run_to_end

FORMER = """
SECRET_KEY = "of the tests"
INSTALLED_APPS = ["dbbackup"]
DATABASES = {databases!r}
MEDIA_ROOT = {media!r}
STORAGES = {{
    "default": {{"BACKEND": "django.core.files.storage.FileSystemStorage"}},
    "dbbackup": {{
        "BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {{"location": {old!r}}}
    }},
}}
DBBACKUP_CONNECTORS = {{"default": {{"CONNECTOR": {connector!r}}}}}
"""


class Move:
    """A site that had django-dbbackup, whose backups are in the folder ``old``."""

    def __init__(self, site: DjangoSite) -> None:
        self.site = site
        self.old = site.folder / "old"
        self.old.mkdir()
        site.rclone["REMOTE"] = "backups:shop"
        site.remote = site.remote / "shop"
        (site.folder / "manage.py").write_text(
            "import sys\nfrom django.core.management import execute_from_command_line\n"
            "execute_from_command_line(sys.argv)\n"
        )
        self.environment = {
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
            "HOME": str(site.folder),
            "RCLONE_CONFIG": "/dev/null",
            "RCLONE_CONFIG_BACKUPS_TYPE": "alias",
            "RCLONE_CONFIG_BACKUPS_REMOTE": str(site.remote.parent),
        }

    def back_up_there(self, *arguments: str, connector: str = "") -> None:
        """Back up with django-dbbackup."""
        text = FORMER.format(
            databases=self.site.databases,
            media=str(self.site.media),
            old=str(self.old),
            connector=f"dbbackup.db.{connector}",
        )
        (self.site.folder / "former_settings.py").write_text(text)
        environment = self.environment | {"DJANGO_SETTINGS_MODULE": "former_settings"}
        self._run([sys.executable, "manage.py", *arguments], os.environ | environment)

    def follow(
        self,
        marker: str,
        env: Mapping[str, str] | None = None,
        names: Mapping[str, str] | None = None,
    ) -> None:
        """Type the lines on the page. ``names`` are those that differ here."""
        (block,) = [b for b in blocks(PAGES / "moving.md") if b.marker == f"run: {marker}"]
        script = "\n".join(line.removeprefix("$ ") for line in block.code.splitlines())
        for name, here in {"dbrestore": "dbrestore --noinput", **(names or {})}.items():
            script = script.replace(name, here)
        environment = {**self.site.environ(), **self.environment, **(env or {})}
        self._run(["bash", "-e", "-o", "pipefail", "-c", script], environment)

    def _run(self, argv: list[str], environment: Mapping[str, str]) -> None:
        done = run_to_end(argv, environment, self.site.folder)
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture
def move(site: DjangoSite) -> Move:
    return Move(site)


@pytest.fixture
def postgresql(move: Move, postgresql_server: PostgresqlServer) -> Iterator[PostgresqlDatabase]:
    with closing(PostgresqlDatabase(postgresql_server)) as database:
        move.site.use(database)
        move.environment["PATH"] = f"{database.tools}{os.pathsep}{move.environment['PATH']}"
        database.add_entries()
        yield database


def test_the_text_of_sqlite(move: Move) -> None:
    before = move.site.database.fingerprint()
    move.back_up_there("dbbackup", "-z", "-o", "shop.dump.gz", connector="sqlite.SqliteConnector")
    move.site.database.run("DROP TABLE entry")
    move.follow("sqlite text")
    assert move.site.database.fingerprint() == before


def test_a_file_of_sqlite(move: Move) -> None:
    before = move.site.database.fingerprint()
    connector = "sqlite.SqliteBackupConnector"
    move.back_up_there("dbbackup", "-o", "shop.psql.bin", connector=connector)
    move.site.database.run("DROP TABLE entry")
    move.follow("as it is")
    assert move.site.database.fingerprint() == before


def test_the_custom_format_of_postgresql(move: Move, postgresql: PostgresqlDatabase) -> None:
    before = postgresql.fingerprint()
    connector = "postgresql.PgDumpBinaryConnector"
    move.back_up_there("dbbackup", "-o", "shop.psql.bin", connector=connector)
    postgresql.run("DROP TABLE entry")
    move.follow("as it is")
    assert postgresql.fingerprint() == before


def test_the_encrypted_text_of_postgresql(move: Move, postgresql: PostgresqlDatabase) -> None:
    keyring = move.site.folder / ".gnupg"
    keyring.mkdir(mode=0o700)
    gpg = ["gpg", "--homedir", str(keyring), "--batch", "--quiet"]
    key = [*gpg, "--passphrase", "", "--quick-generate-key", "of-the-tests"]
    subprocess.run(key, check=True, capture_output=True)
    try:
        before = postgresql.fingerprint()
        connector = "postgresql.PgDumpConnector"
        move.back_up_there("dbbackup", "-z", "-o", "shop.psql.gz", connector=connector)
        stored = str(move.old / "shop.psql.gz")
        to_nobody_else = ["--trust-model", "always", "--recipient", "of-the-tests", "--encrypt"]
        subprocess.run([*gpg, *to_nobody_else, stored], check=True, capture_output=True)
        Path(stored).unlink()
        postgresql.run("DROP TABLE entry")
        server = postgresql.server
        libpq = {
            "PGHOST": server.host,
            "PGPORT": str(server.port),
            "PGUSER": server.user,
            "PGPASSWORD": server.password,
        }
        scratch = f"{postgresql.name}_old"
        move.follow("encrypted")
        move.follow(
            "postgresql text",
            libpq,
            {
                "createdb old": f"createdb {scratch}",
                "n old": f"n {scratch}",
                "0 old": f"0 {scratch}",
                "dropdb old": f"dropdb {scratch}",
            },
        )
        assert postgresql.fingerprint() == before
    finally:
        subprocess.run(
            ["gpgconf", "--homedir", str(keyring), "--kill", "all"], check=True, capture_output=True
        )


def test_the_text_of_mariadb(move: Move, mysql_server: MysqlServer) -> None:
    name = f"moved_{os.getpid()}"
    with closing(MysqlDatabase(mysql_server, name=name, password="plain")) as database:
        move.site.use(database)
        database.add_entries()
        before = database.fingerprint()
        move.back_up_there(
            "dbbackup", "-z", "-o", "shop.dump.gz", connector="mysql.MysqlDumpConnector"
        )
        database.run("DROP TABLE entry")
        (move.site.folder / ".my.cnf").write_text(
            f"[client]\nhost={mysql_server.host}\nport={mysql_server.port}\n"
            f"user={database.role}\npassword=plain\n"
        )
        move.follow(
            "mariadb text",
            names={"DATABASE shop": f"DATABASE {name}", "mariadb shop": f"mariadb {name}"},
        )
        assert database.fingerprint() == before
        assert move.site.manage("listbackups", env=move.environment).returncode == 0


def test_media_in_an_archive(move: Move) -> None:
    move.site.write_media({"a/b.jpg": b"picture", "c": b"text"})
    move.back_up_there("mediabackup", "-z", "-o", "media.tar.gz")
    (move.site.media / "c").unlink()
    move.follow("media")
    assert (move.site.media / "c").read_bytes() == b"text"

"""Backups of other tools, made by themselves, come back as the page about moving says."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import closing, suppress
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
        self.run([sys.executable, "manage.py", *arguments], os.environ | environment)

    def follow(self, *, database: str = "shop.psql.gz") -> str:
        """Type the lines on the page, with the name of what there is; return what they print."""
        (block,) = [b for b in blocks(PAGES / "moving.md") if b.marker == "run: foreign"]
        script = "\n".join(
            line.removeprefix("$ ") for line in block.code.splitlines() if line.startswith("$ ")
        )
        script = script.replace("shop.psql.gz", database)
        for name in ("dbrestore", "mediarestore"):
            script = script.replace(name, f"{name} --noinput")
        return self.run(
            ["bash", "-e", "-o", "pipefail", "-c", script],
            {**self.site.environ(), **self.environment},
        )

    def run(self, argv: list[str], environment: Mapping[str, str]) -> str:
        """Run a program that must succeed, and return what it prints."""
        done = run_to_end(argv, environment, self.site.folder)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@pytest.fixture
def move(site: DjangoSite) -> Move:
    return Move(site)


@pytest.fixture
def media(move: Move) -> Path:
    """An archive of media files, after which one was lost and one was changed."""
    move.site.write_media({"a/b.jpg": b"picture", "c": b"text"})
    move.back_up_there("mediabackup", "-z", "-o", "media.tar.gz")
    (move.site.media / "c").unlink()
    (move.site.media / "a" / "b.jpg").write_bytes(b"another")
    (move.site.media / "new").write_bytes(b"of today")
    return move.site.media


@pytest.fixture
def postgresql(move: Move, postgresql_server: PostgresqlServer) -> Iterator[PostgresqlDatabase]:
    with closing(PostgresqlDatabase(postgresql_server)) as database:
        move.site.use(database)
        move.environment["PATH"] = f"{database.tools}{os.pathsep}{move.environment['PATH']}"
        database.add_entries()
        yield database


@pytest.fixture
def gpg(move: Move) -> Iterator[list[str]]:
    """GnuPG with a key of its own, that of ``of-the-tests``."""
    keyring = move.site.folder / ".gnupg"
    keyring.mkdir(mode=0o700)
    command = ["gpg", "--homedir", str(keyring), "--batch", "--quiet"]
    key = [*command, "--passphrase", "", "--quick-generate-key", "of-the-tests"]
    subprocess.run(key, check=True, capture_output=True)
    yield command
    subprocess.run(
        ["gpgconf", "--homedir", str(keyring), "--kill", "all"], check=True, capture_output=True
    )


def test_the_page_restores_text_of_postgresql_and_an_archive_of_media(
    move: Move, postgresql: PostgresqlDatabase, media: Path
) -> None:
    before = postgresql.fingerprint()
    connector = "postgresql.PgDumpConnector"
    move.back_up_there("dbbackup", "-z", "-o", "shop.psql.gz", connector=connector)
    postgresql.run("DROP TABLE entry")
    postgresql.run("CREATE TABLE of_today (n integer)")
    printed = move.follow()
    assert postgresql.fingerprint() == before
    assert "SQL text of PostgreSQL, compressed by gzip" in printed
    assert "files in a tar archive, compressed by gzip" in printed
    found = {str(p.relative_to(media)): p.read_bytes() for p in media.rglob("*") if p.is_file()}
    assert found == {"a/b.jpg": b"picture", "c": b"text", "new": b"of today"}


def restore(move: Move, name: str) -> None:
    """Restore what django-dbbackup stored, from a folder of the remote."""
    (move.site.remote / "old").mkdir(parents=True)
    shutil.copy(move.old / name, move.site.remote / "old" / name)
    done = move.site.manage("dbrestore", "--noinput", f"--foreign=old/{name}", env=move.environment)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.thorough
def test_the_custom_format_of_postgresql(move: Move, postgresql: PostgresqlDatabase) -> None:
    before = postgresql.fingerprint()
    connector = "postgresql.PgDumpBinaryConnector"
    move.back_up_there("dbbackup", "-o", "shop.psql.bin", connector=connector)
    postgresql.run("DROP TABLE entry")
    restore(move, "shop.psql.bin")
    assert postgresql.fingerprint() == before


@pytest.mark.thorough
@pytest.mark.parametrize("armor", [[], ["--armor"]], ids=["binary", "armor"])
def test_encrypted_text_of_sqlite(move: Move, gpg: list[str], armor: list[str]) -> None:
    before = move.site.database.fingerprint()
    move.back_up_there("dbbackup", "-z", "-o", "shop.dump.gz", connector="sqlite.SqliteConnector")
    to_nobody_else = ["--trust-model", "always", "--recipient", "of-the-tests", "--encrypt"]
    stored = str(move.old / "shop.dump.gz")
    subprocess.run([*gpg, *armor, *to_nobody_else, stored], check=True, capture_output=True)
    made = move.old / f"shop.dump.gz.{'asc' if armor else 'gpg'}"
    move.site.database.run("DROP TABLE entry")
    restore(move, made.name)
    assert move.site.database.fingerprint() == before


def test_a_file_of_sqlite(move: Move) -> None:
    before = move.site.database.fingerprint()
    connector = "sqlite.SqliteBackupConnector"
    move.back_up_there("dbbackup", "-z", "-o", "shop.sqlite3.gz", connector=connector)
    move.site.database.run("DROP TABLE entry")
    restore(move, "shop.sqlite3.gz")
    assert move.site.database.fingerprint() == before


def test_the_text_of_mariadb(move: Move, mysql_server: MysqlServer) -> None:
    name = f"moved_{os.getpid()}"
    with closing(MysqlDatabase(mysql_server, name=name, password="plain")) as database:
        move.site.use(database)
        database.add_entries()
        before = database.fingerprint()
        connector = "mysql.MysqlDumpConnector"
        move.back_up_there("dbbackup", "-z", "-o", "shop.dump.gz", connector=connector)
        database.run("DROP TABLE entry")
        restore(move, "shop.dump.gz")
        assert database.fingerprint() == before


OTHER = """
SECRET_KEY = "of the tests"
INSTALLED_APPS = ["django_rclone"]
DATABASES = {databases!r}
DJANGO_RCLONE = {{"REMOTE": {remote!r}}}
"""
_CACHE = Path(__file__).parents[2] / "build" / "other"


@pytest.fixture
def other_project() -> Path:
    """The other package of this name, downloaded once. It is imported instead of ours."""
    if not _CACHE.exists():
        _CACHE.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=_CACHE.parent) as temporary:
            # It asks for Python 3.12, and runs on 3.11 all the same.
            options = ("--quiet", "--no-deps", "--python-version=3.13", f"--dest={temporary}")
            argv = [sys.executable, "-m", "pip", "download", *options, "django-rclone==0.4.0"]
            done = subprocess.run([*argv, "--only-binary=:all:"], capture_output=True, text=True)
            assert done.returncode == 0, done.stderr[-3000:]
            [wheel] = Path(temporary).glob("*.whl")
            with zipfile.ZipFile(wheel) as files:
                files.extractall(Path(temporary) / "unpacked")
            with suppress(OSError):  # another process of the tests was faster
                (Path(temporary) / "unpacked").rename(_CACHE)
    return _CACHE


def back_up_with(other_project: Path, move: Move) -> str:
    """Back up with the other package, and return the path of what it stored."""
    text = OTHER.format(databases=move.site.databases, remote="backups:shop")
    (move.site.folder / "other_settings.py").write_text(text)
    names = {
        "DJANGO_SETTINGS_MODULE": "other_settings",
        "PYTHONPATH": os.pathsep.join([str(other_project), str(move.site.folder)]),
    }
    move.run([sys.executable, "-m", "django", "dbbackup"], os.environ | move.environment | names)
    [stored] = (move.site.remote / "db").iterdir()
    return f"db/{stored.name}"


def restored_by_what_the_listing_says(move: Move, path: str) -> None:
    done = move.site.manage("listbackups", "--foreign", "--json", env=move.environment)
    [found] = json.loads(done.stdout)
    assert found["path"] == path
    command = found["command"].removeprefix("manage.py ").split()
    done = move.site.manage(*command, "--noinput", env=move.environment)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.thorough
def test_the_sqlite_text_of_the_other_package(move: Move, other_project: Path) -> None:
    before = move.site.database.fingerprint()
    path = back_up_with(other_project, move)
    move.site.database.run("DROP TABLE entry")
    restored_by_what_the_listing_says(move, path)
    assert move.site.database.fingerprint() == before


@pytest.mark.thorough
def test_the_postgresql_dump_of_the_other_package(
    move: Move, postgresql: PostgresqlDatabase, other_project: Path
) -> None:
    before = postgresql.fingerprint()
    path = back_up_with(other_project, move)
    postgresql.run("DROP TABLE entry")
    restored_by_what_the_listing_says(move, path)
    assert postgresql.fingerprint() == before


@pytest.mark.thorough
@pytest.mark.parametrize("tool", ["mysqldump", "mysqldump --databases"])
def test_the_mariadb_dump_of_a_shell_script(
    move: Move, mysql_server: MysqlServer, tool: str
) -> None:
    name = f"script_{os.getpid()}"
    with closing(MysqlDatabase(mysql_server, name=name, password="plain")) as database:
        move.site.use(database)
        database.add_entries()
        before = database.fingerprint()
        (move.site.folder / ".my.cnf").write_text(
            f"[client]\nhost={mysql_server.host}\nport={mysql_server.port}\n"
            f"user={database.role}\npassword=plain\n"
        )
        script = f"{tool} {name} | xz > old/shop.sql.xz"
        move.run(["bash", "-e", "-o", "pipefail", "-c", script], os.environ | move.environment)
        database.run("DROP TABLE entry")
        restore(move, "shop.sql.xz")
        assert database.fingerprint() == before

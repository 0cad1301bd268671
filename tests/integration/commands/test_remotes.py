"""Remotes in Django's settings: of every kind, encrypted, and without a secret anywhere."""

import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.core.checks import run_checks
from django.core.management.base import CommandError
from django.test import override_settings

from django_rclone import conf
from django_rclone.rclone.binary import RcloneBinary
from tests.faults.endpoints import S3, Served, Sftp, Webdav
from tests.integration.commands.test_secrets import watched_arguments
from tests.support.site import RCLONE, DjangoSite, record_programs

PASSWORD = "5ecret of the encryption"
SALT = "5ecret salt"
Kind = Callable[[Path], Any]


@contextmanager
def folder(place: Path) -> Iterator[tuple[dict[str, Any], str, Path, list[str]]]:
    yield {"TYPE": "local"}, str(place), place, []


@contextmanager
def served(kind: type[Served], place: Path) -> Iterator[tuple[Any, str, Path, list[str]]]:
    with kind(place, str(RCLONE)) as server:
        options: dict[str, Any] = dict(server.section())
        if "pass" in options:
            options["pass"] = server.password
        if "port" in options:
            options["port"] = int(options["port"])
            del options["shell_type"]  # rclone finds out, and notes it in its own file
        path = server.base("site").removeprefix("base:")
        remote = {"TYPE": options.pop("type"), "OPTIONS": options}
        yield remote, path, server.folder("site"), [server.password]


KINDS: dict[str, Kind] = {
    "s3": lambda place: served(S3, place),
    "sftp": lambda place: served(Sftp, place),
    "webdav": lambda place: served(Webdav, place),
    "folder": folder,
}


def files(place: Path) -> list[Path]:
    return [path for path in place.rglob("*") if path.is_file()]


@pytest.mark.parametrize("encrypted", [True, False], ids=["encrypted", "plain"])
@pytest.mark.parametrize("kind", KINDS)
def test_everything_works_on_a_remote_of_the_settings(
    kind: str, encrypted: bool, site: DjangoSite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "server").mkdir()
    with KINDS[kind](tmp_path / "server") as (remote, path, stored, secrets):
        if encrypted:
            remote["ENCRYPTION"] = {"PASSWORD": PASSWORD, "SALT": SALT}
        site.rclone["REMOTES"] = {"Backups": remote}
        site.rclone["REMOTE"] = f"Backups:{path}"
        config = site.folder / "rclone.conf"
        config.touch()
        site.rclone["RCLONE_CONFIG"] = str(config)
        site.write_media({"invoice.txt": b"words of an invoice " * 50})
        started = record_programs(monkeypatch)

        site.call("dbbackup")
        site.call("mediabackup")
        before = site.database.fingerprint()
        site.database.run("DELETE FROM entry")
        (site.media / "invoice.txt").unlink()
        (backup,) = site.backups()
        site.restore()
        site.call("mediarestore", "--noinput")

        assert backup["verified"]
        assert site.database.fingerprint() == before
        assert (site.media / "invoice.txt").read_bytes() == b"words of an invoice " * 50
        found = files(stored)
        assert len(found) >= 4
        names = [path.name for path in found]
        assert any(name.startswith("default-") for name in names) != encrypted
        readable = any(b"words of an invoice" in path.read_bytes() for path in found)
        assert readable != encrypted
        arguments = "\n".join(" ".join(one) for one in started)
        assert "rclone" in arguments
        for secret in (*secrets, PASSWORD, SALT):
            assert secret not in arguments + config.read_text()


@pytest.mark.thorough
def test_no_secret_of_a_remote_shows_anywhere(site: DjangoSite, tmp_path: Path) -> None:
    (tmp_path / "server").mkdir()
    (tmp_path / "tmp").mkdir()
    with served(S3, tmp_path / "server") as (remote, path, _, secrets):
        # In the file of the settings are the places of secrets alone.
        remote["OPTIONS"]["secret_access_key"] = {"ENV": "BUCKET_SECRET"}
        remote["ENCRYPTION"] = {"PASSWORD": {"FILE": "backups-password"}}
        credentials = tmp_path / "credentials"
        credentials.mkdir()
        (credentials / "backups-password").write_text(PASSWORD + "\n")
        site.rclone["REMOTES"] = {"backups": remote}
        site.rclone["REMOTE"] = f"backups:{path}"
        site.rclone["RCLONE_FLAGS"] = ["-vv", "--dump=headers"]
        site.rclone["RETRIES"] = 0
        site.write_media({"a.txt": os.urandom(100_000)})
        env = {
            "BUCKET_SECRET": secrets[0],
            "CREDENTIALS_DIRECTORY": str(credentials),
            "TMPDIR": str(tmp_path / "tmp"),
        }
        written = ""
        with watched_arguments() as seen:
            for command in (["dbbackup"], ["mediabackup"], ["dbrestore", "--noinput"]):
                done = site.manage(*command, "--traceback", env=env)
                assert done.returncode == 0, done.stderr
                written += done.stdout + done.stderr
            wrong = site.manage("dbbackup", env={**env, "BUCKET_SECRET": "another 5ecret"})
            assert wrong.returncode == 1
            written += wrong.stdout + wrong.stderr
    assert any(b"--rc-addr" in arguments for arguments in seen), "the watcher saw rclone at work"
    written += b"\n".join(seen).decode("utf-8", "replace")
    for place in (site.folder, tmp_path / "tmp"):
        written += "".join(path.read_bytes().decode("latin-1") for path in files(place))
    for secret in (*secrets, PASSWORD, "another 5ecret"):
        assert secret not in written


def refused(site: DjangoSite) -> str:
    with pytest.raises(CommandError) as error:
        site.call("dbbackup")
    assert error.value.returncode == 2
    with override_settings(DJANGO_RCLONE=site.rclone):
        assert [one.id for one in run_checks(tags=["django_rclone"])] == ["django_rclone.E002"]
    return str(error.value)


@pytest.fixture
def remote(site: DjangoSite) -> dict[str, Any]:
    """Where the site is backed up to: a folder."""
    remote: dict[str, Any] = {"TYPE": "local", "OPTIONS": {}}
    site.rclone["REMOTES"] = {"disk": remote}
    site.rclone["REMOTE"] = f"disk:{site.remote}"
    return remote


def test_a_misspelled_option_is_refused_since_rclone_would_ignore_it(
    site: DjangoSite, remote: dict[str, Any]
) -> None:
    remote["TYPE"] = "s3"
    remote["OPTIONS"] = {"acess_key_id": "5ecret"}
    said = refused(site)
    assert (
        "option that s3 does not have: 'acess_key_id'.\nHint: Did you mean 'access_key_id'?" in said
    )
    assert "5ecret" not in said


def test_a_misspelled_type_is_refused(site: DjangoSite, remote: dict[str, Any]) -> None:
    remote["TYPE"] = "SFTP"
    assert "unknown TYPE: 'SFTP'.\nHint: Did you mean 'sftp'?" in refused(site)


@pytest.mark.parametrize("password", ["pass word ", "Grüße & $HOME \"x\" 'y'", "-", "x" * 2_000])
def test_any_password_of_one_line_is_the_same_to_rclone(
    password: str, site: DjangoSite, remote: dict[str, Any]
) -> None:
    remote["ENCRYPTION"] = {"PASSWORD": password}
    with override_settings(DJANGO_RCLONE=site.rclone):
        variables = RcloneBinary(conf.load()).remote_variables
    obscured = variables["RCLONE_CONFIG_DISK_PASSWORD"]
    argv = [str(RCLONE), "reveal", "--", obscured]
    assert subprocess.run(argv, capture_output=True, text=True).stdout == f"{password}\n"


def test_a_password_of_several_lines_is_refused(site: DjangoSite, remote: dict[str, Any]) -> None:
    remote["ENCRYPTION"] = {"PASSWORD": "5ecret\nof two lines"}
    said = refused(site)
    assert "several lines" in said
    assert "5ecret" not in said


def test_the_short_name_of_a_type_is_accepted(site: DjangoSite, remote: dict[str, Any]) -> None:
    site.rclone["REMOTES"]["other"] = {"TYPE": "gcs", "OPTIONS": {"project_number": 5}}
    site.call("dbbackup")


def test_a_name_that_is_in_the_file_too_is_refused(
    site: DjangoSite, remote: dict[str, Any]
) -> None:
    config = site.folder / "rclone.conf"
    config.write_text("[DISK]\ntype = local\nencoding = None\n")
    site.rclone["RCLONE_CONFIG"] = str(config)
    with pytest.raises(CommandError, match="so has rclone's configuration"):
        site.call("dbbackup")
    # What rclone notes for a remote of ours has no type.
    config.write_text("[disk_of_another]\ntype = local\n[disk]\nnoted = by rclone\n")
    site.call("dbbackup")


def test_a_name_that_is_in_the_environment_too_is_refused(
    site: DjangoSite, remote: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RCLONE_CONFIG_DISK_TYPE", "s3")
    assert "so has the environment (RCLONE_CONFIG_DISK_TYPE)" in refused(site)


def test_a_single_option_may_come_from_the_environment(
    site: DjangoSite, remote: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As ``version_at`` for a look into the past."""
    site.rclone["REMOTES"] = {"disk": {"TYPE": "alias", "OPTIONS": {"remote": "/nowhere"}}}
    site.rclone["REMOTE"] = "disk:"
    monkeypatch.setenv("RCLONE_CONFIG_DISK_REMOTE", str(site.remote))
    site.call("dbbackup")
    assert len(site.stored()) == 2


@pytest.mark.parametrize("encrypted", [True, False])
def test_a_remote_of_the_settings_among_media_files_is_found(
    encrypted: bool, site: DjangoSite, remote: dict[str, Any]
) -> None:
    if encrypted:
        remote["ENCRYPTION"] = {"PASSWORD": PASSWORD}
    site.rclone["REMOTE"] = f"disk:{site.media}/backups"
    with pytest.raises(CommandError, match="MEDIA_ROOT are not separate"):
        site.call("dbbackup")


def test_another_password_is_refused_before_anything_is_restored(
    site: DjangoSite, remote: dict[str, Any]
) -> None:
    remote["ENCRYPTION"] = {"PASSWORD": PASSWORD}
    site.call("dbbackup")
    remote["ENCRYPTION"] = {"PASSWORD": "another"}
    with pytest.raises(CommandError):
        site.restore()


def test_what_is_stored_is_read_by_rclone_alone(site: DjangoSite, remote: dict[str, Any]) -> None:
    """As the page about remotes says it is done by hand."""
    from django_rclone.processes import Command, Process, run

    remote["ENCRYPTION"] = {"PASSWORD": PASSWORD, "SALT": SALT}
    site.call("dbbackup")
    (backup,) = site.backups()

    def rclone(*arguments: str, stdin: str = "", **variables: str) -> str:
        env = {f"RCLONE_CONFIG_{name}": value for name, value in variables.items()}
        process = Process(Command(argv=(str(RCLONE), *arguments), env=env))
        return run(process, stdin.encode()).decode().strip()

    listed = rclone(
        *("lsf", f"backups:{site.remote}/db"),
        BACKUPS_TYPE="crypt",
        BACKUPS_REMOTE="backups_plain:",
        BACKUPS_PASSWORD=rclone("obscure", "-", stdin=PASSWORD),
        BACKUPS_PASSWORD2=rclone("obscure", "-", stdin=SALT),
        BACKUPS_DIRECTORY_NAME_ENCRYPTION="false",
        BACKUPS_PLAIN_TYPE="local",
    )
    assert backup["path"].removeprefix("db/") in listed.splitlines()

"""``backupsetup``: what is asked, tried and printed, and what its look at a site finds."""

import os
import pty
import re
import select
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from tests.faults.endpoints import S3, Served, Sftp, Webdav
from tests.integration.commands.test_secrets import watched_arguments
from tests.support.findings import look_at
from tests.support.site import RCLONE, DjangoSite, snapshot

TYPED = "typed 5ecret"
SECRET_OPTIONS = {"s3": "secret_access_key", "sftp": "pass", "webdav": "pass"}
VARIABLES = {
    "s3": "BACKUP_SECRET_ACCESS_KEY",
    "sftp": "BACKUP_SFTP_PASSWORD",
    "webdav": "BACKUP_WEBDAV_PASSWORD",
}


@contextmanager
def served(kind: type[Served], place: Path) -> Iterator[tuple[list[str], str, str, Served]]:
    """Yield the arguments for a server, the place there, the secret, and the server."""
    place.mkdir()
    with kind(place, str(RCLONE)) as server:
        options = {name: value for name, value in server.section().items() if name != "type"}
        options.pop("shell_type", None)
        options.pop(SECRET_OPTIONS[kind.protocol])
        given = [f"--option={name}={value}" for name, value in options.items()]
        where = server.base("site").removeprefix("base:")
        yield [f"--kind={kind.protocol}", *given], where, server.password, server


def printed_settings(text: str) -> dict[str, Any]:
    """Return what the printed settings are when they stand in a module."""
    (code,) = re.findall(r"\n\n(DJANGO_RCLONE = \{\n.*?\n\})", text, re.S)
    values: dict[str, Any] = {"SECRET_KEY": "the-secret-key-of-the-tests"}
    exec(code, values)
    found: dict[str, Any] = values["DJANGO_RCLONE"]
    return found


def made_secrets(text: str) -> dict[str, str]:
    """Return what was made, by the names of its variables."""
    return dict(re.findall(r"^# The .*, made just now\n(\w+)=(\S+)$", text, re.M))


def use(site: DjangoSite, text: str, patch: pytest.MonkeyPatch) -> None:
    """Do what was printed: set the variables, and paste the settings."""
    for variable, value in made_secrets(text).items():
        patch.setenv(variable, value)
    site.rclone.pop("REMOTE", None)
    site.rclone |= printed_settings(text)


@pytest.mark.parametrize("kind", [S3, Sftp, Webdav], ids=lambda kind: kind.protocol)
def test_what_it_prints_works_when_it_is_pasted(
    kind: type[Served], site: DjangoSite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    del site.rclone["REMOTE"]
    with served(kind, tmp_path / "server") as (given, place, secret, server):
        monkeypatch.setenv(VARIABLES[kind.protocol], secret)
        text = site.call("backupsetup", "--noinput", *given, f"--place={place}")

        assert "ok       read: " in text
        assert secret not in text
        assert not [path for path in server.folder("site").rglob("*") if path.is_file()]
        use(site, text, monkeypatch)
        assert site.rclone["ENVIRONMENT"] == "production"
        site.call("dbbackup")
        (backup,) = site.backups()
        assert backup["verified"]
        names = [path.name for path in server.folder("site").rglob("*") if path.is_file()]
        assert names
        assert not any(name.startswith("default-") for name in names), "they are encrypted"


def test_a_folder_needs_one_line(site: DjangoSite, tmp_path: Path) -> None:
    before = dict(site.rclone)
    text = site.call(
        *("backupsetup", "--noinput", "--kind=folder", f"--place={tmp_path / 'disk'}"),
        *("--no-encrypt", "--environment=staging"),
    )
    assert list(made_secrets(text)) == ["BACKUP_SIGNING_KEY"]
    assert printed_settings(text) == {
        "REMOTE": str(tmp_path / "disk"),
        "ENVIRONMENT": "staging",
        "SIGNING_KEY": {"ENV": "BACKUP_SIGNING_KEY"},
        # What was stored before stays verified.
        "SIGNING_KEY_FALLBACKS": ["the-secret-key-of-the-tests"],
    }
    assert "Keep what else is there: MEDIA_CACHE_DIR, SAFETY_BACKUP." in text
    assert site.rclone == before


def test_a_site_that_has_a_key_and_a_password_keeps_them(
    site: DjangoSite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.rclone |= {"SIGNING_KEY": "the key", "ENVIRONMENT": "production"}
    (tmp_path / "password").write_text("in a file\n")
    given = ["--noinput", "--kind=folder", f"--place={tmp_path / 'disk'}"]
    text = site.call("backupsetup", *given, f"--from-file=PASSWORD={tmp_path / 'password'}")
    assert made_secrets(text) == {}
    assert "SIGNING_KEY" not in printed_settings(text)
    password = printed_settings(text)["REMOTES"]["backups"]["ENCRYPTION"]["PASSWORD"]
    assert password == {"FILE": str(tmp_path / "password")}
    assert "in a file" not in text


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--kind=s3", "--option=secret_access_key=x5ecretx"], "--from-env secret_access_key="),
        (["--kind=sftp", "--option=pass=x5ecretx"], "--from-env pass="),
        (["--option=PASSWORD=x5ecretx"], "--from-env PASSWORD="),
        (["--from-env=x5ecretx"], "NAME=VALUE"),
        ([], "Add --kind"),
        (["--kind=aws"], "BACKUP_SECRET_ACCESS_KEY"),
        (["--kind=minio"], "--option endpoint="),
        (["--kind=folder"], "--place"),
        (["--json"], "--try"),
    ],
)
def test_what_is_missing_or_must_not_be_in_an_argument_is_named(
    arguments: list[str], words: str, site: DjangoSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BACKUP_ACCESS_KEY_ID", "id")
    with pytest.raises(CommandError) as error:
        site.call("backupsetup", "--noinput", *arguments)
    assert error.value.returncode == 2
    assert words in str(error.value)
    assert "5ecret" not in str(error.value)


@pytest.mark.thorough
def test_a_script_without_noinput_is_told_so(site: DjangoSite) -> None:
    done = site.manage("backupsetup")
    assert done.returncode == 5
    assert "--noinput" in done.stderr


@pytest.mark.thorough
def test_wrong_options_end_with_the_fix_and_without_settings(site: DjangoSite) -> None:
    given = ["--kind=folder", "--place=/nowhere", "--option=encodng=None"]
    done = site.manage("backupsetup", "--noinput", *given)
    assert done.returncode == 1
    assert "Did you mean 'encoding'?" in done.stdout
    assert "DJANGO_RCLONE = " not in done.stdout


class Operator:
    """Answers questions on a terminal, each once it is asked."""

    def __init__(self, site: DjangoSite, *arguments: str, env: Mapping[str, str]) -> None:
        self._ours, theirs = pty.openpty()
        self._process = subprocess.Popen(
            site.argv(*arguments),
            env={**site.environ(env), "TERM": "dumb"},
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
        )
        os.close(theirs)
        self.shown = ""
        self._seen = 0

    def answer(self, question: str, text: str) -> None:
        deadline = time.monotonic() + 120
        while question not in self.shown[self._seen :]:
            assert time.monotonic() < deadline, self.shown
            assert self._read(), self.shown
        self._seen = self.shown.index(question, self._seen) + len(question)
        os.write(self._ours, f"{text}\n".encode())

    def finish(self) -> int:
        while self._read():
            pass
        os.close(self._ours)
        return self._process.wait(60)

    def _read(self) -> bool:
        if not select.select([self._ours], [], [], 60)[0]:
            return False
        try:
            self.shown += os.read(self._ours, 65536).decode().replace("\r\n", "\n")
        except OSError:
            return False
        return True


@pytest.mark.thorough
def test_a_short_dialogue_leads_to_settings_that_work_and_shows_no_secret(
    site: DjangoSite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    del site.rclone["REMOTE"]
    (temporary := tmp_path / "tmp").mkdir()
    with served(S3, tmp_path / "server") as (_, place, secret, server), watched_arguments() as seen:
        operator = Operator(site, "backupsetup", env={"TMPDIR": str(temporary)})
        operator.answer("Number: ", "5")
        operator.answer("Provider", "Rclone")
        operator.answer("Endpoint", server.section()["endpoint"])
        for again, typed in ((False, "wrong 5ecret"), (True, secret)):
            if again:
                # What is no secret is offered as it was.
                for question in ("Answer again? [Y/n]", "Number [5]", "[Rclone]", "[http://"):
                    operator.answer(question, "")
            operator.answer("Region", "")
            operator.answer("Access key ID", "" if again else server.user)
            operator.answer("Secret access key (not shown): ", typed)
            operator.answer("Bucket and folder", "" if again else place)
            operator.answer("Encrypt everything", "")
            operator.answer("Password for it", TYPED)
            operator.answer("Name of this environment", "" if again else "live")
        assert operator.finish() == 0, operator.shown
        assert any(b"--rc-addr" in arguments for arguments in seen), "the watcher saw rclone"
        written = b"".join([*seen, *snapshot(site.folder).values(), *snapshot(temporary).values()])
        for one in (secret, "wrong 5ecret", TYPED):
            assert one not in operator.shown
            assert one.encode() not in written
        for one in made_secrets(operator.shown).values():
            assert one.encode() not in written
        assert "SignatureDoesNotMatch" in operator.shown
        settings = operator.shown.rpartition("It works.")[2]
        for variable, value in (
            ("BACKUP_ACCESS_KEY_ID", server.user),
            ("BACKUP_SECRET_ACCESS_KEY", secret),
            ("BACKUP_PASSWORD", TYPED),
        ):
            assert variable in settings
            monkeypatch.setenv(variable, value)
        use(site, f"\n\n{settings}", monkeypatch)
        site.call("dbbackup")
        (backup,) = site.backups()
        assert (backup["environment"], backup["verified"]) == ("live", True)


@pytest.mark.thorough
def test_a_site_with_a_good_backup_works(site: DjangoSite) -> None:
    new = look_at(site)
    assert new["failed"] == [], "the first backup is still to come"
    [missing] = [one for one in new["warning"] if one["step"] == "schedule"]
    assert missing["text"] == "There is no backup yet."
    assert "manage.py backupsite" in missing["fix"]
    site.rclone |= {"SIGNING_KEY": "the key", "ENVIRONMENT": "production"}
    name = site.back_up().name
    before = snapshot(site.remote)

    by_state = look_at(site)

    assert by_state["failed"] == []
    steps = {one["step"] for one in by_state["ok"]}
    assert steps >= {"settings", "rclone", "keys", "reach", "write", "list", "read", "delete"}
    assert steps >= {"delay", "upload", "temporary folder", "media source 'media'"}
    [restore] = [one for one in by_state["ok"] if one["step"] == "restore of 'default'"]
    assert name in restore["text"]
    assert "no backup was ever verified" in str(by_state["warning"])
    assert snapshot(site.remote) == before, "nothing is left of the trial"


def test_all_that_is_wrong_is_found_in_one_look(site: DjangoSite) -> None:
    site.back_up()
    site.rclone["SIGNING_KEY"] = "another key"
    site.add_database("gone").path.unlink()
    site.media.rmdir()
    by_state = look_at(site)
    texts = "\n".join(f"{one['step']}: {one['text']} {one['fix']}" for one in by_state["failed"])
    assert "restore of 'default'" in texts
    assert "SIGNING_KEY_FALLBACKS" in texts
    assert "database 'gone'" in texts
    assert "schedule: gone: there is no backup." in texts
    warnings = "\n".join(one["text"] for one in by_state["warning"])
    assert "ENVIRONMENT is not set" in warnings
    assert "on the disk of database 'default'" in warnings
    assert str(site.media) in warnings


@pytest.mark.thorough
def test_wrong_settings_and_a_dead_remote_end_the_look_in_words(
    site: DjangoSite, tmp_path: Path
) -> None:
    with served(S3, tmp_path / "server") as (_, place, _, server):
        options = {**server.section(), "secret_access_key": "wrong 5ecret"}
        options.pop("type")
        site.rclone["REMOTES"] = {"backups": {"TYPE": "s3", "OPTIONS": options}}
        site.rclone["REMOTE"] = f"backups:{place}"
        [refused] = look_at(site)["failed"]
        assert refused["step"] == "reach"
        assert "Correct the credentials" in refused["fix"]
        assert "5ecret" not in str(refused)
    site.rclone["DB_CLEANUP_KEP"] = 3
    [wrong] = look_at(site)["failed"]
    assert wrong["step"] == "settings"
    assert "Did you mean 'DB_CLEANUP_KEEP'?" in wrong["fix"]


def test_a_folder_that_the_site_serves_is_refused(
    site: DjangoSite, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="1"), site.active():
        call_command("backupsetup", "--noinput", "--kind=folder", f"--place={site.media}/backups")
    shown = capsys.readouterr().out
    assert "FAILED   places: REMOTE and MEDIA_ROOT are not separate" in shown
    assert "DJANGO_RCLONE = " not in shown
    assert not (site.media / "backups").exists()


@pytest.mark.thorough
def test_credentials_that_cannot_delete_are_a_warning(site: DjangoSite) -> None:
    site.back_up()
    site.fake_rclone("deletefile *", "echo 'AccessDenied: you may not' >&2; exit 1")
    by_state = look_at(site)
    assert by_state["failed"] == []
    [delete] = [one for one in by_state["warning"] if one["step"] == "delete"]
    (left,) = (path for path in site.stored() if path.name.startswith("trial-"))
    assert left.name in delete["text"]
    assert "without --clean" in delete["fix"]
    assert len(site.backups()) == 1


@pytest.mark.thorough
def test_a_storage_that_does_not_keep_what_it_takes_fails(site: DjangoSite) -> None:
    site.fake_rclone("rcat */db*", "cat >/dev/null")
    failed = [one["step"] for one in look_at(site)["failed"]]
    assert {"list", "read"} <= set(failed)

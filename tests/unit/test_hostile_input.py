"""What attacks and accidents have found: each of these once did harm."""

import os
import subprocess
import sys
import threading
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.test import override_settings

from django_rclone import conf
from django_rclone.backups.manifest import Manifest, signer
from django_rclone.backups.naming import Naming
from django_rclone.exceptions import InvalidSettings, ProcessError
from django_rclone.management.formatting import printable
from django_rclone.processes import Command, Process, run
from django_rclone.processes import process as processes
from django_rclone.rclone import Remote
from django_rclone.redaction import redact
from tests.support.processes import is_running, wait_until_gone

MANIFEST = Manifest(
    path="db/x",
    created_at=datetime(2026, 1, 1, tzinfo=UTC),
    vendor="sqlite",
    format="sqlite3",
    size=1,
    environment="",
    django_version="6.1",
)


def shell(text: str) -> Command:
    return Command(argv=("sh", "-c", text))


def configured(**settings: object) -> conf.Settings:
    with override_settings(DJANGO_RCLONE={"REMOTE": "name:path", **settings}):
        return conf.load()


@pytest.mark.parametrize("word", ["x", "pass", "://", "--token ", "a@", '\\"', "bearer "])
@pytest.mark.timeout(60)
def test_redaction_of_a_long_line_ends(word: str) -> None:
    """A pattern that looks back over what it has seen would take hours for this."""
    redact(word * (200_000 // len(word)))


@pytest.mark.parametrize(
    "text",
    [
        "--token hunter2xyz",
        '{"password": "ab\\"hunter2"}',
        '{\\"password\\": \\"hunter2\\"}',
        "postgres://user:p@hunter2@host/db",
        "https://hunter2token@github.com/x",
        "sig=hunter2",
        "AccountKey=hunter2;x",
        "IDENTIFIED BY 'hunter2'",
        "PRIVATE_KEY=hunter2",
        "Authorization: Basic hunter2",
    ],
)
def test_secrets_of_many_shapes_are_masked(text: str) -> None:
    assert "hunter2" not in redact(text)


@pytest.mark.parametrize(
    "text",
    ["Basic authentication failed", "bypass: yes", "compass=north", "passed: 3, passes: 4"],
)
def test_ordinary_words_are_not_masked(text: str) -> None:
    assert redact(text) == text


def test_a_secret_of_rclones_environment_is_masked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RCLONE_CONFIG_VAULT_PASS", "obscured-hunter2")
    assert redact("it said obscured-hunter2") == "it said ***"


def test_an_empty_secret_key_does_not_keep_text_from_being_masked() -> None:
    with override_settings(SECRET_KEY="", DJANGO_RCLONE={"REMOTE": "n:p", "SIGNING_KEY": "own"}):
        assert redact("x") == "x"
        assert conf.load().signing_key == "own"


def test_an_empty_secret_key_without_a_signing_key_is_refused() -> None:
    with override_settings(SECRET_KEY="", DJANGO_RCLONE={"REMOTE": "n:p"}):
        assert [problem.key for problem in conf.problems()] == ["SIGNING_KEY"]


def test_a_signature_that_cannot_be_encoded_is_invalid() -> None:
    assert not replace(MANIFEST, signature="\ud800").is_signed_by(signer("key", ()))


@pytest.mark.parametrize("date_format", ["%Y-%m-%d-%Y", "%c %Y"])
def test_a_date_format_with_a_repeated_field_is_refused(date_format: str) -> None:
    with pytest.raises(InvalidSettings, match="DB_DATE_FORMAT"):
        configured(DB_DATE_FORMAT=date_format)


@pytest.mark.parametrize("path", ["a\0b", "rclone.conf"])
def test_an_impossible_config_path_is_refused(path: str) -> None:
    with pytest.raises(InvalidSettings, match="RCLONE_CONFIG"):
        configured(RCLONE_CONFIG=path)


@pytest.mark.parametrize(
    "flag",
    [
        "--azureblob-connection-string=x",
        "--drive-service-account-credentials={}",
        "--storj-access-grant=x",
        "--storj-passphrase=x",
        "--s3-sse-customer-key-base64=x",
        "--filen-master-keys=x",
        "--header=Authorization: Bearer x",
        "--webdav-headers=Authorization,x",
        "--sugarsync-authorization=x",
        "--iclouddrive-cookies=x",
        "--http-proxy=http://user:hunter2@proxy",
    ],
)
def test_flags_that_hold_secrets_are_refused_without_showing_them(flag: str) -> None:
    with pytest.raises(InvalidSettings, match="puts a secret") as refused:
        configured(RCLONE_FLAGS=[flag])
    assert flag not in str(refused.value)


@pytest.mark.parametrize("remote", [":s3,secret_access_key=abc/def:bucket", "s3,key=abc/def:x"])
def test_a_connection_string_is_refused_without_showing_it(remote: str) -> None:
    with pytest.raises(InvalidSettings, match="connection string") as refused:
        configured(REMOTE=remote)
    assert "abc" not in str(refused.value)


@pytest.mark.parametrize(
    "flag", ["-q", "-vq", "--quiet", "--log-level=ERROR", "--log-file=/tmp/log", "--syslog"]
)
def test_flags_that_would_hide_errors_are_refused(flag: str) -> None:
    with pytest.raises(InvalidSettings, match="would hide"):
        configured(RCLONE_FLAGS=[flag])


@pytest.mark.parametrize("flag", ["--rc", "--rc-addr=:5572", "--rc-no-auth", "--metrics-addr=:1"])
def test_flags_that_would_let_others_give_orders_are_refused(flag: str) -> None:
    with pytest.raises(InvalidSettings, match="give orders"):
        configured(RCLONE_FLAGS=[flag])


MEDIA_FLAGS = [
    "--include=*.jpg",
    "--exclude=*.json",
    "--filter=- *",
    "--files-from=/dev/null",
    "--max-size=1",
    "--min-age=1d",
    "--max-depth=0",
    "--ignore-existing",
    "--compare-dest=x:",
    "-x",
    "-u",
    "-vx",
    "--size-only",
    "--links",
    "--backup-dir=x:",
    "-f=- *",
    "-f- *",
]


@pytest.mark.parametrize("flag", MEDIA_FLAGS)
def test_flags_that_would_leave_media_files_out_are_refused(flag: str) -> None:
    with pytest.raises(InvalidSettings, match="would leave media files out"):
        configured(RCLONE_FLAGS=[flag])


@pytest.mark.parametrize("flag", MEDIA_FLAGS)
def test_no_flag_hides_backups(flag: str, tmp_path: Path) -> None:
    """Not even one that the settings would refuse: it reaches transfers alone."""
    remote = Remote(replace(configured(REMOTE=tmp_path), rclone_flags=(flag, "--max-delete=0")))
    (tmp_path / "db").mkdir()
    (tmp_path / "db" / "x.json").write_text("{}\n")
    assert len(remote.list("db")) == 1
    assert remote.size("db/x.json") == 3
    assert remote.read("db/x.json") == b"{}\n"
    assert remote.read_all("db", ".json") == [b"{}"]
    remote.delete("db/x.json")
    assert remote.size("db/x.json") is None


def test_words_without_a_flag_are_refused() -> None:
    assert configured(RCLONE_FLAGS=["--transfers", "8", "-v"]).rclone_flags[1] == "8"
    with pytest.raises(InvalidSettings, match="not a flag"):
        configured(RCLONE_FLAGS=["transfers"])
    with pytest.raises(InvalidSettings, match="not a flag"):
        configured(RCLONE_FLAGS=["--transfers=8", "8"])


@pytest.mark.parametrize(
    "template",
    [
        "{database}{datetime}.{ext}",
        "{datetime}.{ext}.{database}",
        "{ext}_{datetime}-{database}",
        "{datetime}0{database}.{ext}",
        "{database}-{datetime}{ext}",
    ],
)
def test_templates_whose_names_could_be_read_in_two_ways_are_refused(template: str) -> None:
    with pytest.raises(InvalidSettings, match="DB_FILENAME_TEMPLATE"):
        configured(DB_FILENAME_TEMPLATE=template)


@pytest.mark.parametrize("text", ["٢٠٣١-12-09-070503", "2031-1-9-070503", "2031-12-09-70503"])
def test_dates_are_read_only_as_they_are_written(text: str) -> None:
    naming = Naming("{database}-{datetime}.{ext}", "%Y-%m-%d-%H%M%S")
    assert naming.parse_timestamp("app", f"app-{text}.0a1b2c3d.sqlite3") is None


def test_control_characters_are_not_printed() -> None:
    assert (
        printable("a\x1b[2Jb\ud800c\nd")
        == "a\N{REPLACEMENT CHARACTER}[2Jb\N{REPLACEMENT CHARACTER}c\nd"
    )


def test_what_a_driver_indents_stays_readable() -> None:
    assert printable("refused\n\tIs it running") == "refused\n    Is it running"


def test_a_signal_without_a_name_is_reported_by_its_number() -> None:
    kill = Command(argv=(sys.executable, "-c", "import os; os.kill(os.getpid(), 35)"))
    with pytest.raises(ProcessError, match="was killed by signal 35"):
        run(Process(kill))


def test_a_program_that_closes_stdin_and_lives_on_is_stopped(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(processes, "_GRACE", 0.3)
    lazy = shell("exec 0<&-; echo gone >&2; exec sleep 600")
    with Process(lazy) as process, pytest.raises(ProcessError, match="gone"):
        process.write(bytes(1_000_000))


@pytest.mark.parametrize(
    "script", ["(trap '' TERM; exec sleep 30) & echo $!; wait", "sleep 30 & echo $!; exit 0"]
)
def test_grandchildren_are_stopped_with_their_program(
    script: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "_GRACE", 0.3)
    threads = set(threading.enumerate())
    with Process(shell(script)) as process:
        grandchild = int(process.read())
    wait_until_gone(lambda: is_running(grandchild))
    assert set(threading.enumerate()) <= threads


def test_a_line_that_cannot_be_handled_does_not_block_the_program() -> None:
    def fail(line: str) -> str:
        raise RuntimeError

    flood = "yes xxxxxxxxxxxxxxxxxx | head -n 100000 >&2; echo done"
    assert run(Process(shell(flood), on_line=fail)) == b"done\n"


def test_a_secret_cut_in_two_at_the_longest_line_does_not_show() -> None:
    script = "head -c 65526 /dev/zero | tr '\\0' ' ' >&2; echo \"$TOLD\" >&2; exit 1"
    command = Command(argv=("sh", "-c", script), env={"TOLD": "s3cr3t-of-this-run"})
    secret = override_settings(SECRET_KEY="s3cr3t-of-this-run")
    with secret, pytest.raises(ProcessError) as failed:
        run(Process(command))
    assert "s3cr3t" not in str(failed.value)
    assert "-run" not in str(failed.value)


def test_hostile_text_in_a_manifest_is_printed_harmlessly(tmp_path: Path) -> None:
    """Anyone who can write to the remote can write an unsigned manifest."""
    folder = tmp_path / "remote" / "db"
    folder.mkdir(parents=True)
    (folder / "x").write_bytes(b"x")
    hostile = replace(MANIFEST, database="\x1b]0;owned\x07\ud800", signature="\ud800")
    (folder / "x.json").write_bytes(hostile.to_bytes())
    (tmp_path / "hostile_settings.py").write_text(
        "SECRET_KEY = 'x'\nINSTALLED_APPS = ['django_rclone']\n"
        f"DJANGO_RCLONE = {{'REMOTE': {str(tmp_path / 'remote')!r}}}\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "django", "listbackups"],
        env={
            **os.environ,
            "PYTHONPATH": str(tmp_path),
            "DJANGO_SETTINGS_MODULE": "hostile_settings",
        },
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert b"\x1b" not in done.stdout
    assert b"altered" in done.stdout

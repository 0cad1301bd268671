"""What an operator sees: questions, progress, silence, exit statuses, help."""

import os
import pty
import re
import select
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.site import DjangoSite


def on_a_terminal(site: DjangoSite, *arguments: str, answer: str = "") -> tuple[int, str]:
    """Run a command on a terminal of its own; return its exit status and what was shown."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        site.argv(*arguments),
        env={**site.environ(), "TERM": "xterm", "COLUMNS": "80"},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    if answer:
        os.write(ours, f"{answer}\n".encode())
    shown = b""
    while select.select([ours], [], [], 60)[0]:
        try:
            shown += os.read(ours, 65536)
        except OSError:
            break
    os.close(ours)
    return process.wait(60), shown.decode()


def to_a_full_disk(site: DjangoSite, *arguments: str) -> tuple[int, str]:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            site.argv(*arguments),
            env=site.environ(),
            stdin=subprocess.DEVNULL,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    return done.returncode, done.stderr


def test_steps_that_cannot_be_written_do_not_fail_a_backup(site: DjangoSite) -> None:
    assert to_a_full_disk(site, "dbbackup") == (0, "")


def test_a_result_that_cannot_be_written_fails_the_command(site: DjangoSite) -> None:
    status, said = to_a_full_disk(site, "listbackups", "--json")
    assert (status, said.count("\n")) == (1, 1)
    assert "The output cannot be written: [Errno 28]" in said


@pytest.fixture
def slow(site: DjangoSite) -> DjangoSite:
    """A site whose backup takes longer than a second."""
    with closing(sqlite3.connect(site.database.path)) as live, live:
        live.execute("CREATE TABLE blobs (content BLOB)")
        live.executemany(
            "INSERT INTO blobs VALUES (?)", ((os.urandom(100_000),) for _ in range(60))
        )
    site.rclone["RCLONE_FLAGS"] = ["--bwlimit=2M"]
    return site


def test_progress_shows_bytes_rate_and_time_on_a_terminal(slow: DjangoSite) -> None:
    status, shown = on_a_terminal(slow, "dbbackup")
    assert status == 0
    assert re.search(r"\r\x1b\[K  [\d.]+ MB, [\d.]+ [KM]B/s, [\d.]+ s\r", shown), shown
    assert "Stored db/default-" in shown


def test_what_is_logged_at_the_end_does_not_continue_the_line_of_progress(
    slow: DjangoSite,
) -> None:
    slow.extra_settings = """
LOGGING = {
    "version": 1,
    "handlers": {"console": {"class": "logging.StreamHandler"}},
    "loggers": {"django_rclone": {"handlers": ["console"], "level": "INFO"}},
}
"""
    status, shown = on_a_terminal(slow, "dbbackup")
    assert status == 0
    assert "\r\x1b[Kdb_backup of 'default' succeeded in " in shown


def test_media_progress_shows_on_a_terminal(slow: DjangoSite) -> None:
    slow.write_media({f"{n}.bin": os.urandom(1_000_000) for n in range(6)})
    status, shown = on_a_terminal(slow, "mediabackup")
    assert status == 0
    assert re.search(
        r"\r\x1b\[K  \d of 6 files, \d+ % of [\d.]+ MB, .* [KM]B/s, [\d.]+ s, .* left", shown
    ), shown


def test_the_progress_of_a_restore_has_an_end(slow: DjangoSite) -> None:
    slow.call("dbbackup")
    status, shown = on_a_terminal(slow, "dbrestore", "--noinput")
    assert status == 0
    assert re.search(r"\r\x1b\[K  \d+ % of [\d.]+ MB, .* left", shown), shown


def test_without_a_terminal_there_are_plain_lines_only(slow: DjangoSite) -> None:
    done = slow.manage("dbbackup")
    assert done.returncode == 0
    assert "\r" not in done.stdout + done.stderr
    assert "\x1b" not in done.stdout + done.stderr
    assert done.stdout.startswith("Backing up database 'default' ...\nStored db/default-")


def test_verbosity_0_says_nothing(slow: DjangoSite) -> None:
    slow.write_media({"a.txt": b"a"})
    for command in ("dbbackup", "mediabackup"):
        assert on_a_terminal(slow, command, "--verbosity", "0") == (0, "")
    for command in ("dbrestore", "mediarestore"):
        assert on_a_terminal(slow, command, "--noinput", "--verbosity", "0") == (0, "")


@pytest.mark.parametrize(("answer", "status"), [("y", 0), ("yes", 0), ("n", 5), ("", 5), ("x", 5)])
def test_a_restore_asks_and_takes_nothing_but_yes_for_yes(
    site: DjangoSite, answer: str, status: int
) -> None:
    before = site.database.fingerprint()
    site.call("dbbackup")
    site.database.mutate()
    diverged = site.database.fingerprint()
    done, shown = on_a_terminal(site, "dbrestore", answer=answer or "\n")
    assert done == status
    assert "replace everything in database 'default'" in shown
    assert str(site.database.path) in shown
    assert "Continue? [y/N]" in shown
    assert site.database.fingerprint() == (before if status == 0 else diverged)


def test_a_media_restore_asks_too(site: DjangoSite) -> None:
    site.write_media({"a.txt": b"a"})
    site.call("mediabackup")
    site.write_media({"a.txt": b"changed"})
    status, shown = on_a_terminal(site, "mediarestore", answer="n")
    assert status == 5
    assert "Continue? [y/N]" in shown
    assert (site.media / "a.txt").read_bytes() == b"changed"


@pytest.mark.parametrize("option", ["--noinput", "--no-input"])
def test_both_spellings_of_noinput_are_understood(site: DjangoSite, option: str) -> None:
    site.call("dbbackup")
    assert site.manage("dbrestore", option).returncode == 0


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (["dbbackup"], 0),
        (["dbbackup", "-d", "unknown"], 2),
        (["dbbackup", "--no-such-option"], 2),
        (["dbrestore", "--noinput"], 1),
        (["dbrestore", "--noinput", "-i", "no-such-backup"], 1),
        (["mediabackup"], 1),
        (["mediarestore", "--noinput"], 1),
        (["listbackups"], 0),
    ],
)
def test_exit_statuses(site: DjangoSite, arguments: list[str], status: int) -> None:
    done = site.manage(*arguments)
    assert done.returncode == status, done.stderr
    assert "Traceback" not in done.stderr


def test_wrong_settings_end_every_command_with_status_2_and_one_sentence(site: DjangoSite) -> None:
    site.rclone["DB_CLEANUP_KEP"] = 3
    for command in ("dbbackup", "dbrestore", "mediabackup", "mediarestore", "listbackups"):
        done = site.manage(command)
        assert done.returncode == 2
        assert "DB_CLEANUP_KEP" in done.stderr
        assert "Did you mean 'DB_CLEANUP_KEEP'?" in done.stderr
        assert "Traceback" not in done.stderr


def test_a_broken_url_configuration_does_not_keep_anyone_from_backing_up(site: DjangoSite) -> None:
    site.extra_settings = "ROOT_URLCONF = 'no.such.module'"
    assert site.manage("dbbackup").returncode == 0


def test_a_refused_restore_asks_nothing(site: DjangoSite) -> None:
    status, shown = on_a_terminal(site, "dbrestore")
    assert status == 1
    assert "Continue?" not in shown


def test_two_failures_are_both_reported(site: DjangoSite) -> None:
    site.add_database("gone").path.unlink()
    site.add_database("lost").path.unlink()
    done = site.manage("dbbackup", "--all")
    assert done.returncode == 1
    assert "Database 'gone' was not backed up" in done.stderr
    assert "Database 'lost' was not backed up" in done.stderr
    assert "Stored db/default-" in done.stdout

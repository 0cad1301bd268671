"""Whatever is killed, nothing is lost, nothing lies, and the next run works."""

import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing, suppress

import pytest

from django_rclone import scratch
from tests.support.processes import MARK, arguments, marked, wait_until_gone
from tests.support.site import DjangoSite


@pytest.fixture
def big(site: DjangoSite) -> DjangoSite:
    """A site whose backup takes long enough to be hit in the middle."""
    with closing(sqlite3.connect(site.database.path)) as live, live:
        live.execute("CREATE TABLE blobs (id INTEGER PRIMARY KEY, content BLOB)")
        live.executemany(
            "INSERT INTO blobs (content) VALUES (?)", ((os.urandom(100_000),) for _ in range(60))
        )
    site.rclone["DB_CLEANUP_KEEP"] = 2
    return site


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("victim", ["manage.py", "lsjson", "rcat*.zst", "rcat*.json", "cat*"])
def test_kill_9_during_a_backup_leaves_no_half_backup_and_the_next_one_works(
    big: DjangoSite, victim: str, seed: int
) -> None:
    mark = f"{os.getpid()}-{victim}-{seed}".replace("*", "-")
    big.rclone["RCLONE_FLAGS"] = ["--bwlimit=8M"]
    moment = random.Random(f"{victim}{seed}").uniform(0.0, 0.5)
    if victim == "manage.py":
        process = big.start("dbbackup", env={MARK: mark})
        time.sleep(2 * moment)
        process.kill()
    else:
        # The one rclone, in the middle of a request.
        big.fake_rclone(f"{victim}*", f'(sleep {moment}; kill -9 $$) & exec "$REAL" "$@"')
        process = big.start("dbbackup", env={MARK: mark})
    process.communicate(timeout=240)
    big.rclone.pop("RCLONE_BINARY", None)
    wait_until_gone(lambda: marked(mark))
    big.rclone["RCLONE_FLAGS"] = []
    assert all(backup["verified"] for backup in big.backups())
    if process.returncode > 0:
        assert big.backups() == []
    big.call("dbbackup")
    before = big.database.fingerprint()
    big.database.mutate()
    big.call("dbrestore", "--noinput")
    assert big.database.fingerprint() == before


@pytest.mark.parametrize("victim", ["manage.py", "rclone"])
@pytest.mark.parametrize("seed", range(6))
def test_kill_9_during_a_restore_leaves_the_old_or_the_new_database(
    big: DjangoSite, victim: str, seed: int
) -> None:
    mark = f"{os.getpid()}-restore-{victim}-{seed}"
    new = big.database.fingerprint()
    big.call("dbbackup")
    big.database.mutate()
    old = big.database.fingerprint()
    big.rclone["RCLONE_FLAGS"] = ["--bwlimit=8M"]
    process = big.start("dbrestore", "--noinput", env={MARK: mark})
    if victim == "manage.py":
        try:
            process.communicate(timeout=random.Random(f"r{seed}").uniform(0.3, 1.8))
        except subprocess.TimeoutExpired:
            process.kill()
    else:
        while process.poll() is None:
            if found := [pid for pid in marked(mark) if is_running(pid, "obscure")]:
                time.sleep(random.Random(f"k{seed}").uniform(0.0, 0.8))
                with suppress(ProcessLookupError):
                    os.kill(found[0], signal.SIGKILL)
                break
    process.communicate(timeout=240)
    wait_until_gone(lambda: marked(mark))
    with closing(sqlite3.connect(big.database.path)) as live:
        assert live.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert big.database.fingerprint() in (old, new)
    if process.returncode != 0 and victim == "rclone":
        assert big.database.fingerprint() == old
    big.rclone["RCLONE_FLAGS"] = []
    big.call("dbrestore", "--noinput")
    assert big.database.fingerprint() == new


def is_running(pid: int, verb: str) -> bool:
    return verb in arguments(pid)[:2]


@pytest.mark.parametrize(
    ("number", "status"),
    [(signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGINT, 130)],
    ids=["SIGTERM", "SIGHUP", "SIGINT"],
)
def test_a_stopped_backup_reports_its_failure_and_leaves_nothing(
    big: DjangoSite, number: signal.Signals, status: int
) -> None:
    mark = f"{os.getpid()}-{number.name}"
    told = big.folder / "told"
    big.rclone["RCLONE_FLAGS"] = ["--bwlimit=1M"]
    big.extra_settings = (
        "from django_rclone.signals import operation_changed\n"
        "def tell(event, **kwargs):\n"
        f"    with open({str(told)!r}, 'a') as file:\n"
        "        print(event.state, event.error_type, file=file, flush=True)\n"
        "operation_changed.connect(tell)\n"
    )
    process = big.start("dbbackup", env={MARK: mark})
    while not big.stored():
        assert process.poll() is None
    process.send_signal(number)
    _, errors = process.communicate(timeout=240)
    assert process.returncode == status, errors
    assert "Traceback" not in errors
    wait_until_gone(lambda: marked(mark))
    states = told.read_text().split("\n")
    assert states[0] == "started None"
    assert states[1].startswith("failed ")
    assert states[2:] == [""]
    assert big.stored() == []


def test_an_ignored_sighup_stays_ignored(site: DjangoSite) -> None:
    code = (
        "import os, signal, sys; signal.signal(signal.SIGHUP, signal.SIG_IGN);"
        f"os.execv({sys.executable!r}, {site.argv('dbbackup')!r})"
    )
    site.extra_settings = (
        "import os, signal\n"
        "from django_rclone.signals import pre_db_backup\n"
        "def hang_up(**kwargs):\n    os.kill(os.getpid(), signal.SIGHUP)\n"
        "pre_db_backup.connect(hang_up)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=site.environ(), check=False, capture_output=True
    )
    assert done.returncode == 0, done.stderr


def test_a_remote_that_loses_bytes_is_noticed(site: DjangoSite) -> None:
    """rclone says that all is well; the stored size says otherwise."""
    site.fake_rclone("rcat*.zst", 'head -c 100 | "$REAL" "$@"; cat >/dev/null; exit 0')
    done = site.manage("dbbackup")
    assert done.returncode == 1
    assert "the remote reports 100" in done.stderr
    assert site.stored() == []


def test_a_remote_that_loses_bytes_of_the_manifest_is_noticed(site: DjangoSite) -> None:
    site.fake_rclone("rcat*.json", 'head -c 100 | "$REAL" "$@"; cat >/dev/null; exit 0')
    done = site.manage("dbbackup")
    assert done.returncode == 1
    assert "The manifest could not be read back as it was written." in done.stderr
    assert site.stored() == []


def test_a_clean_up_that_breaks_off_leaves_no_manifest_without_its_dump(site: DjangoSite) -> None:
    site.rclone |= {"DB_CLEANUP_KEEP": 1, "RETRIES": 0}
    old = site.back_up()
    site.fake_rclone("deletefile*.json", "echo 'error: on strike' >&2; exit 1")
    done = site.manage("dbbackup", "--clean")
    assert done.returncode == 3
    assert "on strike" in done.stderr
    assert old.exists()
    assert len(site.backups()) == 2


def test_rclone_dying_is_blamed_with_its_own_last_words(site: DjangoSite) -> None:
    said = '{"level":"error","msg":"quota exceeded on remote"}'
    site.fake_rclone("rcat*", f"head -c 10 >/dev/null; echo '{said}' >&2; exit 9")
    done = site.manage("dbbackup")
    assert done.returncode == 1
    assert "rclone could not store" in done.stderr
    assert "quota exceeded on remote" in done.stderr


def test_leftovers_of_a_killed_restore_are_removed_by_the_next(
    site: DjangoSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.call("dbbackup")
    left = site.folder / ".django-rclone-left"
    left.mkdir()
    (left / "restored.sqlite3").write_bytes(b"half")
    site.call("dbrestore", "--noinput")
    assert left.exists(), "a folder this young may belong to a run that is just starting"
    # Only the kernel sets the time that tells a folder's age, so the limit moves.
    monkeypatch.setattr(scratch, "_SETTLED", -1.0)
    site.call("dbrestore", "--noinput")
    assert not left.exists()

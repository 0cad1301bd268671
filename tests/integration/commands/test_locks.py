"""Two runs that would disturb each other do not run at once, and nobody is locked out for long."""

import json
import signal
import socket
import tempfile
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.core.management.base import CommandError
from django.test import override_settings

from django_rclone import conf
from django_rclone.events import Operation
from django_rclone.exceptions import OperationLocked
from django_rclone.locks import lease as locks
from django_rclone.locks.lease import Lease, exclusive
from django_rclone.rclone import Remote
from django_rclone.reporting import new_operation
from tests.support.signal_recorder import SignalRecorder
from tests.support.site import DjangoSite

RESTORE = "default.db_restore"
PRUNE = "default.db_prune"


def remote_of(site: DjangoSite) -> Remote:
    with override_settings(DJANGO_RCLONE=site.rclone):
        return Remote(conf.load())


def put_lease(site: DjangoSite, name: str, *, host: str = "elsewhere", **ago: float) -> Path:
    since = datetime.now(UTC) - timedelta(minutes=1)
    until = since + locks.EXPIRY - timedelta(**ago)
    lease = Lease(
        token="0123456789abcdef",
        operation="db_restore",
        database="shop",
        host=host,
        pid=4711,
        since=since,
        until=until,
    )
    path = site.remote / "locks" / f"{name}.{lease.token}.json"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(lease.to_bytes())
    return path


@pytest.mark.parametrize(
    ("name", "command", "status"),
    [
        (RESTORE, ["dbrestore", "--noinput"], 6),
        (PRUNE, ["dbbackup", "--clean"], 3),
        ("media", ["mediabackup"], 6),
        ("media", ["mediarestore", "--noinput"], 6),
    ],
)
def test_the_error_names_the_holder_and_the_way_out(
    site: DjangoSite, recorder: SignalRecorder, name: str, command: list[str], status: int
) -> None:
    site.write_media({"a": b"a"})
    site.call("dbbackup")
    site.call("mediabackup")
    before = site.database.fingerprint()
    lock = put_lease(site, name)
    recorder.calls.clear()
    with pytest.raises(CommandError, match="Another db_restore of 'shop' has been") as caught:
        site.call(*command)
    assert "running on host elsewhere (pid 4711)" in str(caught.value)
    assert caught.value.returncode == status
    assert f"delete locks/{lock.name} on the remote" in str(caught.value)
    assert recorder.events[-1].error_type == "OperationLocked"
    assert site.stored("locks") == [lock], "a stranger's lock stays, our own lease goes"
    assert site.database.fingerprint() == before
    lock.unlink()
    site.call(*command)
    assert site.stored("locks") == []


def test_a_backup_needs_no_lock(site: DjangoSite) -> None:
    for name in (RESTORE, PRUNE, "media"):
        put_lease(site, name)
    site.call("dbbackup")
    assert len(site.backups()) == 1


def test_an_expired_lock_blocks_nobody_and_is_swept(site: DjangoSite) -> None:
    put_lease(site, PRUNE, hours=1)
    site.call("dbbackup", "--clean")
    assert site.stored("locks") == []


def test_a_lock_of_another_database_or_environment_blocks_nobody(site: DjangoSite) -> None:
    site.call("dbbackup")
    others = [put_lease(site, f"{name}.db_restore") for name in ("default-eu", "prod.default")]
    site.call("dbrestore", "--noinput")
    assert site.stored("locks") == sorted(others)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b'{"token": 1}', b"\xff"])
def test_an_invalid_lease_blocks_nobody_and_is_swept(site: DjangoSite, content: bytes) -> None:
    put_lease(site, PRUNE).write_bytes(content)
    site.call("dbbackup", "--clean")
    assert site.stored("locks") == []


def test_the_lock_of_a_run_that_was_killed_here_is_swept_by_the_next(site: DjangoSite) -> None:
    site.call("dbbackup")
    site.extra_settings = (
        "import os, signal\n"
        "from django_rclone.clients.sqlite import SqliteClient\n"
        "SqliteClient.restore = lambda *_: os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    assert site.manage("dbrestore", "--noinput").returncode == -signal.SIGKILL
    assert len(site.stored("locks")) == 1
    site.call("dbrestore", "--noinput")
    assert site.stored("locks") == []


def test_a_dead_lease_that_could_not_be_deleted_stays_dead(
    site: DjangoSite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    site.call("dbbackup")
    lock = put_lease(site, RESTORE, host=socket.gethostname())
    (tmp_path / f".django-rclone-run-{lock.suffixes[-2][1:]}").touch()
    site.fake_rclone("deletefile*", "exit 1")
    site.call("dbrestore", "--noinput")
    assert lock.exists()
    del site.rclone["RCLONE_BINARY"]
    site.call("dbrestore", "--noinput")
    assert site.stored("locks") == []


def test_a_remote_that_can_only_be_read_is_restored_from_with_a_warning(
    site: DjangoSite, capsys: pytest.CaptureFixture[str]
) -> None:
    site.call("dbbackup")
    before = site.database.fingerprint()
    # Root may write everywhere, but no folder where a file is.
    (site.remote / "locks").write_bytes(b"")
    site.call("dbrestore", "--noinput")
    assert (
        "Could not take a lock, so another host may run the same operation"
        in capsys.readouterr().err
    )
    assert site.database.fingerprint() == before


def test_of_many_at_once_only_one_holds_the_lock(site: DjangoSite) -> None:
    inside: list[int] = []
    crowds: list[int] = []
    entered: list[int] = []

    def run(number: int) -> None:
        try:
            with exclusive(remote, prune):
                inside.append(number)
                crowds.append(len(inside))
                entered.append(number)
                time.sleep(0.3)
                inside.remove(number)
        except OperationLocked:
            pass

    remote = remote_of(site)
    prune = new_operation(Operation.DB_PRUNE, environment="", database="default")
    threads = [threading.Thread(target=run, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(crowds) == {1}
    assert site.stored("locks") == []


def test_a_long_run_renews_its_lock(
    site: DjangoSite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(locks, "EXPIRY", timedelta(seconds=0.9))
    seen: set[str] = set()
    restore = new_operation(Operation.DB_RESTORE, environment="", database="default")
    with exclusive(remote_of(site), restore):
        deadline = time.monotonic() + 20
        while len(seen) < 3 and time.monotonic() < deadline:
            (path,) = site.stored("locks")
            if text := path.read_text():
                seen.add(json.loads(text)["until"])
    assert len(seen) == 3
    assert not list(tmp_path.glob(".django-rclone-run-*"))

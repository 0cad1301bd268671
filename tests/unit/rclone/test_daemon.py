"""The one rclone: private, shared, and never left behind."""

import os
import re
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from django_rclone.exceptions import RcloneError
from django_rclone.rclone.remote import Remote
from django_rclone.rclone.sessions import session
from tests.support.fakes import FakeProgress
from tests.support.processes import MARK as MARK_VARIABLE
from tests.support.processes import arguments, marked, wait_until_gone
from tests.support.site import RCLONE, REPOSITORY, fake_rclone
from tests.unit.conftest import Configure

Make = Callable[..., Remote]


@pytest.fixture
def mark(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Mark the processes that this test starts."""
    monkeypatch.setenv(MARK_VARIABLE, str(tmp_path))
    return str(tmp_path)


@pytest.fixture
def make(configure: Configure, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Make:
    (tmp_path / "rclone.conf").touch()
    monkeypatch.setenv("RCLONE_CONFIG", str(tmp_path / "rclone.conf"))

    def make(**keys: Any) -> Remote:
        return Remote(configure(**{"REMOTE": str(tmp_path / "remote"), **keys}))

    return make


def running(mark: str) -> list[int]:
    """Return the processes of rclone that were started under a mark."""
    return [pid for pid in marked(mark) if "obscure" in arguments(pid)]


def opened(descriptor: Path) -> str:
    """Return what is open by a descriptor in ``/proc``; nothing if it has just been closed."""
    with suppress(FileNotFoundError):
        return str(descriptor.readlink())
    return ""


def put(rclone: Remote, path: str, data: bytes) -> None:
    with rclone.upload(path, progress=FakeProgress()) as upload:
        for start in range(0, len(data), 1 << 20):
            upload.write(data[start : start + (1 << 20)])
        upload.finish()


def get(rclone: Remote, path: str) -> bytes:
    with rclone.download(path) as download:
        data = b"".join(iter(lambda: download.read(1 << 20), b""))
        download.finish()
    return data


def test_one_process_answers_all_requests_of_a_session(make: Make, mark: str) -> None:
    with session():
        first = make()
        first.write("db/x", b"1")
        (pid,) = running(mark)
        with session():
            assert make().read("db/x") == b"1"
        assert get(first, "db/x") == b"1"
        assert running(mark) == [pid]
    assert running(mark) == []


def test_a_request_outside_of_a_session_leaves_no_process(make: Make, mark: str) -> None:
    rclone = make()
    rclone.write("db/x", b"1")
    assert rclone.read("db/x") == b"1"
    assert running(mark) == []


def test_an_exception_ends_the_process(make: Make, mark: str) -> None:
    with suppress(ZeroDivisionError), session():
        make().write("db/x", b"1")
        assert running(mark)
        raise ZeroDivisionError
    assert running(mark) == []


def test_an_rclone_that_was_begun_is_the_one_that_is_asked(make: Make, mark: str) -> None:
    with session():
        make().begin()
        begun = running(mark)
        assert len(begun) == 1
        assert make().list("db") == []
        assert running(mark) == begun
    assert running(mark) == []


def test_an_rclone_that_was_begun_and_is_not_asked_ends_with_the_session(
    make: Make, mark: str
) -> None:
    with session():
        make().begin()
    assert running(mark) == []


def test_nobody_else_can_ask(make: Make, mark: str) -> None:
    """No port is opened, and the socket is private."""
    with session():
        make().list("db")
        (pid,) = running(mark)
        (address,) = [a for a in arguments(pid) if a.startswith("--rc-addr=unix://")]
        path = Path(address.partition("unix://")[2])
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
        sockets = set(map(opened, Path(f"/proc/{pid}/fd").iterdir()))
        tables = "".join(Path(f"/proc/{pid}/net/{name}").read_text() for name in ("tcp", "tcp6"))
        inodes = {f"socket:[{line.split()[9]}]" for line in tables.splitlines() if ":" in line}
        assert not sockets & inodes
    assert not path.parent.exists()


_LIVES_ON = """
import sys, time
from django.conf import settings
settings.configure(DJANGO_RCLONE={"REMOTE": sys.argv[1]}, SECRET_KEY="x" * 50)
from django_rclone import conf
from django_rclone.rclone import Remote, session
with session():
    Remote(conf.load()).list("db")
    print("asked", flush=True)
    time.sleep(600)
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_the_process_does_not_outlive_us(number: signal.Signals, tmp_path: Path, mark: str) -> None:
    argv = [sys.executable, "-c", _LIVES_ON, str(tmp_path)]
    env = {**os.environ, "PYTHONPATH": str(REPOSITORY), "RCLONE_CONFIG": "/dev/null"}
    with subprocess.Popen(argv, env=env, stdout=subprocess.PIPE) as process:
        assert process.stdout
        assert process.stdout.readline() == b"asked\n"
        assert len(running(mark)) == 1
        process.send_signal(number)
    wait_until_gone(lambda: marked(mark))


def test_a_fork_neither_stops_the_process_nor_keeps_it(make: Make, mark: str) -> None:
    with session():
        rclone = make()
        rclone.write("db/x", b"1")
        if (child := os.fork()) == 0:
            with session():
                pass
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        assert rclone.read("db/x") == b"1"
        assert len(running(mark)) == 1
    assert running(mark) == []


def test_a_killed_process_is_reported_and_replaced(make: Make, mark: str) -> None:
    with session():
        rclone = make()
        rclone.write("db/x", b"1")
        with rclone.upload("db/y", progress=FakeProgress()) as upload:
            upload.write(bytes(5 << 20))
            os.kill(running(mark)[0], signal.SIGKILL)
            with pytest.raises(RcloneError, match="killed by SIGKILL"):
                upload.finish()
        assert rclone.try_delete("db/y")
        assert [item.path for item in rclone.list("db")] == ["db/x"]


def test_a_temporary_folder_with_a_long_name_is_no_obstacle(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = tmp_path / ("x" * 120)
    long.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(long))
    assert make().list("db") == []
    assert list(long.iterdir()) == []


def test_uploads_and_downloads_run_at_once(make: Make, mark: str) -> None:
    contents = {f"db/{number}": os.urandom(6_000_000) for number in range(4)}
    with session(), ThreadPoolExecutor(4) as pool:
        rclone = make()
        list(pool.map(lambda item: put(rclone, *item), contents.items()))
        assert len(running(mark)) == 1
        assert list(pool.map(lambda path: get(rclone, path), contents)) == list(contents.values())


@pytest.mark.parametrize("size", [0, 10, 4 << 20, (4 << 20) + 1, 9_000_000])
def test_an_upload_that_is_not_finished_is_not_stored(size: int, make: Make) -> None:
    with session():
        rclone = make()
        with rclone.upload("db/x", progress=FakeProgress()) as upload:
            for start in range(0, size, 1 << 20):
                upload.write(bytes(min(1 << 20, size - start)))
        assert rclone.size("db/x") is None


def test_a_download_that_breaks_off_is_continued(make: Make, tmp_path: Path) -> None:
    content = os.urandom(3_000_000)
    (tmp_path / "remote" / "db").mkdir(parents=True)
    (tmp_path / "remote" / "db" / "x").write_bytes(content)
    body = (
        f'[ -e {tmp_path}/once ] || {{ touch {tmp_path}/once; "$REAL" | head -c 2000000; exit 1; }}'
    )
    assert get(make(RCLONE_BINARY=fake_rclone(tmp_path, "cat*", body)), "db/x") == content
    assert (tmp_path / "once").exists()


def test_an_object_that_cannot_be_opened_is_reported_with_the_cause(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    obscured = subprocess.run(
        [RCLONE, "obscure", "password"], check=True, capture_output=True, text=True
    ).stdout.strip()
    options = {"TYPE": "crypt", "REMOTE": str(tmp_path), "PASSWORD": obscured}
    for name, value in {**options, "FILENAME_ENCRYPTION": "off"}.items():
        monkeypatch.setenv(f"RCLONE_CONFIG_SECRET_{name}", value)
    (tmp_path / "db").mkdir()
    (tmp_path / "db" / "x.bin").write_bytes(b"no encrypted file" * 1000)
    with pytest.raises(RcloneError, match=re.escape("not an encrypted file")):
        get(make(REMOTE="secret:"), "db/x")


def test_limits_of_the_server_do_not_limit_a_transfer(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They count from the first byte to the last: ours are out of the way."""
    limits = ("--rc-server-read-timeout=100ms", "--rc-server-write-timeout=100ms")
    monkeypatch.setattr("django_rclone.rclone.binary._LIMITS", limits)
    data = bytes(5 << 20)
    with pytest.raises(RcloneError):
        put(make(RCLONE_FLAGS=["--bwlimit=5M"]), "db/x", data)
    monkeypatch.undo()


@pytest.fixture(autouse=True)
def _clean(tmp_path: Path) -> Iterator[None]:
    yield
    assert not list(tmp_path.rglob("*.partial"))

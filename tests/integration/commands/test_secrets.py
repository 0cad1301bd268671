"""No secret shows: not in the arguments of any process, not in output, not in an exception."""

import os
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.support.http_server import LoopbackServer
from tests.support.site import DjangoSite

SECRETS = {
    "SECRET_KEY": "5ecret-key-of-django-&'\"",
    "SIGNING_KEY": "5ecret-signing-key",
    "PASSWORD": "5ecret p@ss:w/ord'",
    "REMOTE": "5ecret-rclone-access",
    "WEBHOOK": "5ecret-webhook-path",
}


@contextmanager
def watched_arguments() -> Iterator[set[bytes]]:
    """Collect the arguments of every process that shows up, again and again."""
    seen: set[bytes] = set()
    stop = threading.Event()

    def look() -> None:
        while not stop.is_set():
            for folder in Path("/proc").glob("[0-9]*"):
                try:
                    seen.add((folder / "cmdline").read_bytes())
                except OSError:
                    continue

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield seen
    finally:
        stop.set()
        thread.join()


@pytest.fixture
def server() -> Iterator[LoopbackServer]:
    with LoopbackServer() as running:
        yield running


@pytest.fixture
def secretive(site: DjangoSite, server: LoopbackServer) -> DjangoSite:
    """A site that holds a secret wherever one can be."""
    site.rclone["REMOTE"] = "vault:"
    site.rclone["SIGNING_KEY"] = SECRETS["SIGNING_KEY"]
    site.rclone["RCLONE_FLAGS"] = ["--bwlimit=1M", "-v"]
    site.databases["default"]["PASSWORD"] = SECRETS["PASSWORD"]
    site.extra_settings = (
        f"SECRET_KEY = {SECRETS['SECRET_KEY']!r}\n"
        "DJANGO_RCLONE_NOTIFY = {'chat': {\n"
        "    'BACKEND': 'django_rclone_notify.notifiers.slack.SlackNotifier',\n"
        f"    'OPTIONS': {{'webhook_url': '{server.url}/{SECRETS['WEBHOOK']}'}},\n"
        "    'STATES': ['started', 'succeeded', 'failed'],\n"
        "}}\n"
    )
    site.write_media({"a.txt": os.urandom(200_000)})
    return site


def environment(site: DjangoSite) -> dict[str, str]:
    return {
        "RCLONE_CONFIG_VAULT_TYPE": "alias",
        "RCLONE_CONFIG_VAULT_REMOTE": str(site.remote),
        "RCLONE_CONFIG_OTHER_TYPE": "s3",
        "RCLONE_CONFIG_OTHER_SECRET_ACCESS_KEY": SECRETS["REMOTE"],
        "NO_PROXY": "127.0.0.1",
    }


def assert_no_secret(text: str) -> None:
    for name, secret in SECRETS.items():
        assert secret not in text, f"{name} shows"


def test_no_secret_is_in_any_process_or_in_any_output(
    secretive: DjangoSite, server: LoopbackServer
) -> None:
    with watched_arguments() as seen:
        for command in (
            ["dbbackup", "--clean"],
            ["mediabackup"],
            ["listbackups"],
            ["dbrestore", "--noinput"],
            ["mediarestore", "--noinput"],
            ["check"],
        ):
            done = secretive.manage(*command, "--traceback", env=environment(secretive))
            assert done.returncode == 0, done.stderr
            assert_no_secret(done.stdout + done.stderr)
    assert any(b"--rc-addr" in arguments for arguments in seen), "the watcher saw rclone at work"
    assert_no_secret(b"\n".join(seen).decode("utf-8", "replace"))
    assert any(SECRETS["WEBHOOK"] in request.path for request in server.requests)


@pytest.mark.parametrize("answer", [404, 500])
def test_a_service_that_answers_with_an_error_does_not_make_its_webhook_show(
    secretive: DjangoSite, server: LoopbackServer, answer: int
) -> None:
    server.always_answer(answer)
    done = secretive.manage("dbbackup", "--traceback", env=environment(secretive))
    assert done.returncode == 0
    assert "chat" in done.stderr
    assert_no_secret(done.stdout + done.stderr)


FAILURES = {
    "rclone echoes secrets": 'echo "error: $PASSWORD or $SIGNING_KEY is wrong" >&2; exit 1',
    "rclone is killed": "kill -9 $$",
}


@pytest.mark.parametrize("script", FAILURES.values(), ids=FAILURES)
def test_a_failing_tool_cannot_make_a_secret_show(
    secretive: DjangoSite, script: str, tmp_path: Path
) -> None:
    secretive.fake_rclone("*", f'[ "$1" = version ] && echo rclone v1.75.0 && exit 0\n{script}')
    done = secretive.manage(
        "dbbackup",
        "--traceback",
        env={
            **environment(secretive),
            "PASSWORD": SECRETS["PASSWORD"],
            "SIGNING_KEY": SECRETS["SIGNING_KEY"],
        },
    )
    assert done.returncode == 1
    assert_no_secret(done.stdout + done.stderr)


def test_a_receiver_that_raises_with_a_secret_cannot_make_it_show(secretive: DjangoSite) -> None:
    secretive.extra_settings += (
        "from django_rclone.signals import pre_db_backup\n"
        "def leak(**kwargs):\n"
        "    raise RuntimeError('cannot reach ' + DATABASES['default']['PASSWORD'])\n"
        "pre_db_backup.connect(leak)\n"
    )
    done = secretive.manage("dbbackup", "--traceback", env=environment(secretive))
    assert done.returncode != 0
    assert "cannot reach ***" in done.stderr
    assert_no_secret(done.stdout + done.stderr)


def test_the_remote_holds_no_secret(secretive: DjangoSite) -> None:
    done = secretive.manage("dbbackup", env=environment(secretive))
    assert done.returncode == 0, done.stderr
    manifest = next(path for path in secretive.stored() if path.suffix == ".json")
    assert_no_secret(manifest.read_text())


def test_private_copies_are_readable_by_their_owner_alone(
    site: DjangoSite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    site.rclone["RCLONE_FLAGS"] = ["--bwlimit=100k"]
    process = site.start("dbbackup", env={"TMPDIR": str(scratch)})
    modes = set()
    while process.poll() is None:
        for folder in scratch.glob(".django-rclone-*"):
            with suppress(FileNotFoundError):
                modes.add(folder.stat().st_mode & 0o777)
    process.communicate(timeout=240)
    assert modes == {0o700}
    assert subprocess.run(["ls", "-A", scratch], capture_output=True, check=True).stdout == b""

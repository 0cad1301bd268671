"""Remotes that refuse, break off, crawl, fill up, or tell something else than before."""

import json
import os
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.faults.bench import COMMANDS, RCLONE, Bench, Fault, Inflict
from tests.faults.proxy import Trouble

_NETWORK = (
    r"refused|reset|EOF|timeout|timed out|closed|made no progress|connection|broken pipe|handshake"
    r"|status|unavailable|server error|in trouble"
)
_UP = ("backup", "media backup")
_DOWN = ("restore", "media restore")


def _trouble(**what: object) -> Inflict:
    @contextmanager
    def inflict(bench: Bench) -> Iterator[None]:
        assert bench.place.proxy is not None
        trouble = Trouble(**what)  # type: ignore[arg-type]
        patience = bench.setting("STALL_TIMEOUT", 3 if trouble.hang else 60)
        with patience, bench.place.proxy.trouble(trouble):
            yield

    return inflict


@contextmanager
def _ten_seconds(bench: Bench) -> Iterator[None]:
    """Let the server be gone so long, with the pauses and retries that a user has."""
    with (
        pytest.MonkeyPatch.context() as patch,
        bench.setting("RCLONE_FLAGS", []),
        _trouble(refuse_for=10)(bench),
    ):
        patch.setattr("django_rclone.rclone.remote._BACKOFF_SECONDS", 1.0)
        yield


@contextmanager
def _refused(bench: Bench) -> Iterator[None]:
    assert bench.place.proxy is not None
    with bench.place.proxy.refusing():
        yield


def _configured(old: str, new: str) -> Inflict:
    @contextmanager
    def inflict(bench: Bench) -> Iterator[None]:
        assert bench.place.config is not None
        before = bench.place.config.read_text()
        bench.place.reconfigure(old, new)
        try:
            yield
        finally:
            bench.place.config.write_text(before)

    return inflict


@contextmanager
def _other_bucket(bench: Bench) -> Iterator[None]:
    with bench.setting("REMOTE", "base:no-such-bucket"):
        yield


def network_faults(operation: str, remote: str) -> Iterator[Fault]:
    """Yield what can happen on the way to a server, and at it."""
    wrong = frozenset({3 if operation == "retention" else 1})
    if operation == "retention":
        # Its backup comes first, and fails before anything is pruned.
        wrong = frozenset({1, 3})
    either = wrong | {0}
    yield Fault(
        name="connection is refused",
        inflict=_refused,
        status=wrong,
        says="refused|made no progress",
    )
    yield Fault(
        name="server hangs",
        inflict=_trouble(hang=True),
        status=wrong,
        says="made no progress|timeout|timed out",
    )
    yield Fault(
        name="server is gone for a while",
        inflict=_trouble(refuse_for=0.5),
        status=either,
        says=_NETWORK,
    )
    if remote == "s3":
        yield Fault(
            name="server is gone for ten seconds",
            inflict=_ten_seconds,
            # A mirror is made by a run of rclone, which does not wait that long.
            status=frozenset({0, 1}) if operation.startswith("media") else frozenset({0}),
            says=_NETWORK,
        )
        for number in range(4):
            yield Fault(
                name=f"connection {number + 1} is reset",
                inflict=_trouble(reset=range(number, number + 1)),
                status=either,
                says=_NETWORK,
            )
    if remote == "webdav" and operation in _UP:
        yield Fault(
            name="server is full",
            inflict=_trouble(forbidden=(b"PUT ",), refusal=507),
            status=wrong,
            says="507|insufficient",
        )
    yield Fault(
        name="server crawls", inflict=_trouble(delay=0.03), status=frozenset({0}), says=_NETWORK
    )
    if operation in _UP:
        yield Fault(
            name="connection is cut on the way up",
            inflict=_trouble(cut_up=30_000),
            status=wrong,
            says=_NETWORK,
        )
    if operation in _DOWN:
        yield Fault(
            name="connection is cut on the way down",
            inflict=_trouble(cut_down=30_000),
            status=wrong,
            says=_NETWORK,
        )
    if remote != "sftp":
        for status in (500, 503):
            yield Fault(
                name=f"server answers with {status}",
                inflict=_trouble(status=status),
                status=wrong,
                says=rf"{status}|{_NETWORK}",
            )
        yield Fault(
            name="server answers with 503 for a while",
            inflict=_trouble(status=503, times=2),
            status=either,
            says=rf"503|{_NETWORK}",
        )
    keys = {
        "s3": ("secret_access_key = .*", "secret_access_key = wrong"),
        "crypt-s3": ("secret_access_key = .*", "secret_access_key = wrong"),
        "webdav": ("user = .*", "user = nobody"),
        "sftp": ("user = .*", "user = nobody"),
    }[remote]
    yield Fault(
        name="credentials are wrong",
        inflict=_configured(*keys),
        status=wrong,
        says="denied|signature|forbidden|unauthorized|401|403|authenticate",
    )
    if remote == "s3" and operation in ("restore", "media restore"):
        yield Fault(
            name="bucket is unknown",
            inflict=_other_bucket,
            status=wrong,
            says="no backup|no media backup|bucket",
        )


# ------------------------------------------------------------------------- a folder


@contextmanager
def _mounted(folder: Path, *options: str) -> Iterator[None]:
    """Put a file system over a folder."""
    subprocess.run(["mount", *options, folder], check=True, capture_output=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True, capture_output=True)


def _may_mount() -> bool:
    done = subprocess.run(["unshare", "--mount", "true"], capture_output=True, check=False)
    return os.geteuid() == 0 and done.returncode == 0


@contextmanager
def _small(bench: Bench) -> Iterator[None]:
    """Let the place be full: a small file system, or else a limit on the size of files."""
    if _may_mount() and bench.operation != "retention":
        with _mounted(bench.place.folder, "-t", "tmpfs", "-o", "size=48k", "tmpfs"):
            yield
        return
    with _limited(bench):
        yield


@contextmanager
def _limited(bench: Bench) -> Iterator[None]:
    with bench.fake_rclone('ulimit -f 40; exec "$REAL" "$@"'):
        yield


@contextmanager
def _read_only(bench: Bench) -> Iterator[None]:
    with read_only(bench.place.folder):
        yield


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """Let nothing be written to a folder; where we may not mount, let it be no folder."""
    if _may_mount():
        subprocess.run(["mount", "--bind", folder, folder], check=True)
        try:
            with _mounted(folder, "-o", "remount,bind,ro"):
                yield
        finally:
            # The inner umount has taken the mount away already.
            subprocess.run(["umount", folder], check=False, capture_output=True)
        return
    aside = folder.with_name(f"{folder.name}-aside")
    folder.rename(aside)
    folder.write_text("no folder")
    try:
        yield
    finally:
        folder.unlink()
        aside.rename(folder)


def _after(call: tuple[str, str], deed: str) -> Inflict:
    """Do something to what is stored as soon as a call of rclone has ended."""

    @contextmanager
    def inflict(bench: Bench) -> Iterator[None]:
        before = {path: path.read_bytes() for path in bench.place.files()}
        body = f'"$REAL" "$@"; status=$?; cd {bench.place.folder}; {deed}; exit $status'
        with bench.fake_rclone(body, call=call):
            yield
        for path, content in before.items():
            path.write_bytes(content)

    return inflict


def _listing(body: str) -> Inflict:
    @contextmanager
    def inflict(bench: Bench) -> Iterator[None]:
        with bench.fake_rclone(body, call=("lsjson", "*db/")):
            yield

    return inflict


def _outdated(*, extinct: bool) -> Inflict:
    """Let listings be those of before: without the newest backup, or with one that is gone."""

    @contextmanager
    def inflict(bench: Bench) -> Iterator[None]:
        before, listing = bench.place.files(), _list(bench)
        bench.run_here("dbbackup")
        newest = set(bench.place.files()) - set(before)
        if extinct:
            listing = _list(bench)
            _remove(newest)
        (bench.site.folder / "listing").write_bytes(listing)
        with _listing(f"cat {bench.site.folder / 'listing'}; exit 0")(bench):
            yield
        if not extinct:
            _remove(newest)

    return inflict


def _remove(paths: Iterable[Path]) -> None:
    for path in paths:
        path.unlink()


def _list(bench: Bench) -> bytes:
    remote = str(bench.site.rclone["REMOTE"])
    address = f"{remote}{'' if remote.endswith(':') else '/'}db"
    env = {**os.environ, "RCLONE_CONFIG": str(bench.place.config or "/dev/null")}
    argv = [str(RCLONE), "lsjson", "--files-only", address]
    listing = subprocess.run(argv, env=env, check=True, capture_output=True).stdout
    assert json.loads(listing)
    return listing


@contextmanager
def _dated(bench: Bench) -> Iterator[None]:
    """Let the clock of the remote tell nonsense: files of the future, and of long ago."""
    for number, path in enumerate(bench.place.files()):
        moment = 4_000_000_000 if number % 2 else 86_400
        os.utime(path, (moment, moment))
    yield


@contextmanager
def _blind(bench: Bench) -> Iterator[None]:
    """Let a remote not show yet what was just stored."""
    with bench.fake_rclone("echo null; exit 0", call=("lsjson", "*.zst")):
        yield


def folder_faults(operation: str) -> Iterator[Fault]:
    """Yield what can happen to a place that is no server."""
    wrong = frozenset({1})
    if operation in _UP:
        yield Fault(
            name="remote is full",
            inflict=_small,
            says="no space|disk space|file too large|holds|SIGXFSZ",
        )
        yield Fault(name="quota is used up", inflict=_limited, says="too large|SIGXFSZ|holds")
        yield Fault(
            name="remote is read-only", inflict=_read_only, says="read-only|not a directory"
        )
    yield Fault(name="remote has a wrong clock", inflict=_dated, status=frozenset({0}))
    if operation in ("restore", "retention", "listing"):
        yield Fault(
            name="listing lacks the newest backup",
            inflict=_outdated(extinct=False),
            status=frozenset({0}),
        )
        yield Fault(
            name="listing shows a backup that is gone",
            inflict=_outdated(extinct=True),
            # Not passed over: nobody knows whether it is gone, or hidden.
            status=frozenset({1 if operation == "restore" else 0}),
            says="manifest cannot be read",
        )
    if operation == "backup":
        yield Fault(name="remote shows late what was stored", inflict=_blind, says="holds nothing")
    if operation == "retention":
        yield Fault(
            name="listing fails half-way",
            inflict=_listing('"$REAL" "$@" | head -c 60; echo "error: cut" >&2; exit 5'),
            status=frozenset({3}),
            says="cut",
        )
        yield Fault(
            name="listing is truncated but claims to be complete",
            inflict=_listing('"$REAL" "$@" | head -c 60; exit 0'),
            status=frozenset({3}),
            says="cannot be read",
        )
    if operation in ("restore", "listing"):
        yield Fault(
            name="listing fails half-way",
            inflict=_listing('"$REAL" "$@" | head -c 60; echo "error: cut" >&2; exit 5'),
            status=wrong,
            says="cut",
        )
        yield Fault(
            name="listing is truncated but claims to be complete",
            inflict=_listing('"$REAL" "$@" | head -c 60; exit 0'),
            status=wrong,
            says="cannot be read",
        )
    if operation == "restore":
        listed = ("cat", "*db/")
        yield Fault(
            name="dump vanishes between listing and reading",
            inflict=_after(listed, "find . -type f -size +20k -delete"),
            says="not found|exited",
        )
        yield Fault(
            name="dump changes between listing and reading",
            inflict=_after(
                listed, "find . -type f -size +20k -exec sh -c 'echo x >> \"$0\"' {} \\;"
            ),
            says="altered|larger|bad|decrypt|failed",
            hint=False,
        )


def cells() -> Iterator[tuple[str, str, str, Fault]]:
    for remote in ("s3", "webdav", "sftp", "crypt-s3"):
        for operation in COMMANDS:
            for fault in network_faults(operation, remote):
                yield operation, "sqlite", remote, fault
    for operation in ("backup", "restore"):
        for engine in ("postgresql", "mariadb"):
            for fault in network_faults(operation, "s3"):
                yield operation, engine, "s3", fault
    for operation in COMMANDS:
        for remote in ("folder", "crypt"):
            for fault in folder_faults(operation):
                if remote == "crypt" and "dump" in fault.name and "changes" in fault.name:
                    continue
                yield operation, "sqlite", remote, fault
    for engine in ("postgresql", "mariadb"):
        for operation in ("backup", "restore"):
            for fault in folder_faults(operation):
                yield operation, engine, "folder", fault

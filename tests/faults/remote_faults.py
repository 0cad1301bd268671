"""Remotes that refuse, break off, crawl, fill up, or tell something else than before."""

import json
import os
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.faults.cell import COMMANDS, Cell, Fault, Inject, fault
from tests.faults.proxy import Trouble
from tests.support.site import RCLONE

_NETWORK = (
    r"refused|reset|EOF|timeout|timed out|closed|made no progress|connection|broken pipe|handshake"
    r"|status|unavailable|server error|in trouble"
)
_UP = ("backup", "media backup")
_DOWN = ("restore", "media restore")


def _trouble(**what: object) -> Inject:
    @contextmanager
    def inject(cell: Cell) -> Iterator[None]:
        assert cell.endpoint.proxy is not None
        trouble = Trouble(**what)  # type: ignore[arg-type]
        patience = cell.setting("STALL_TIMEOUT", 3 if trouble.hang else 60)
        with patience, cell.endpoint.proxy.trouble(trouble):
            yield

    return inject


@contextmanager
def _ten_seconds(cell: Cell) -> Iterator[None]:
    """Let the server be gone so long, with the pauses and retries that a user has."""
    with (
        pytest.MonkeyPatch.context() as patch,
        cell.setting("RCLONE_FLAGS", []),
        _trouble(refuse_for=10)(cell),
    ):
        patch.setattr("django_rclone.rclone.requests._BACKOFF_SECONDS", 1.0)
        yield


@contextmanager
def _refused(cell: Cell) -> Iterator[None]:
    assert cell.endpoint.proxy is not None
    with cell.endpoint.proxy.refusing():
        yield


def _configured(old: str, new: str) -> Inject:
    @contextmanager
    def inject(cell: Cell) -> Iterator[None]:
        assert cell.endpoint.config is not None
        before = cell.endpoint.config.read_text()
        cell.endpoint.reconfigure(old, new)
        try:
            yield
        finally:
            cell.endpoint.config.write_text(before)

    return inject


@contextmanager
def _other_bucket(cell: Cell) -> Iterator[None]:
    with cell.setting("REMOTE", "base:no-such-bucket"):
        yield


def network_faults(operation: str, remote: str) -> Iterator[Fault]:
    """Yield what can happen on the way to a server, and at it."""
    wrong = {3 if operation == "retention" else 1}
    if operation == "retention":
        # Its backup comes first, and fails before anything is pruned.
        wrong = {1, 3}
    either = wrong | {0}
    yield fault("connection is refused", _refused, "refused|made no progress", status=wrong)
    yield fault(
        "server hangs", _trouble(hang=True), "made no progress|timeout|timed out", status=wrong
    )
    yield fault("server is gone for a while", _trouble(refuse_for=0.5), _NETWORK, status=either)
    if remote == "s3":
        yield fault(
            "server is gone for ten seconds",
            _ten_seconds,
            _NETWORK,
            # Content is copied by a run of rclone, which does not wait that long.
            status={0, 1} if operation.startswith("media") else {0},
        )
        for number in range(4):
            yield fault(
                f"connection {number + 1} is reset",
                _trouble(reset=range(number, number + 1)),
                _NETWORK,
                status=either,
            )
    if remote == "webdav" and operation in _UP:
        yield fault(
            "server is full",
            _trouble(forbidden=(b"PUT ",), refusal=507),
            "507|insufficient",
            status=wrong,
        )
    yield fault("server crawls", _trouble(delay=0.03), _NETWORK, status={0})
    if operation in _UP:
        yield fault(
            "connection is cut on the way up", _trouble(cut_up=30_000), _NETWORK, status=wrong
        )
    if operation in _DOWN:
        yield fault(
            "connection is cut on the way down", _trouble(cut_down=30_000), _NETWORK, status=wrong
        )
    if remote != "sftp":
        for status in (500, 503):
            yield fault(
                f"server answers with {status}",
                _trouble(status=status),
                rf"{status}|{_NETWORK}",
                status=wrong,
            )
        yield fault(
            "server answers with 503 for a while",
            _trouble(status=503, times=2),
            rf"503|{_NETWORK}",
            status=either,
        )
    keys = {
        "s3": ("secret_access_key = .*", "secret_access_key = wrong"),
        "crypt-s3": ("secret_access_key = .*", "secret_access_key = wrong"),
        "webdav": ("user = .*", "user = nobody"),
        "sftp": ("user = .*", "user = nobody"),
    }[remote]
    yield fault(
        "credentials are wrong",
        _configured(*keys),
        "denied|signature|forbidden|unauthorized|401|403|authenticate",
        status=wrong,
    )
    if remote == "s3" and operation in ("restore", "media restore"):
        yield fault(
            "bucket is unknown", _other_bucket, "no backup|no media backup|bucket", status=wrong
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
def _small(cell: Cell) -> Iterator[None]:
    """Let the place be full: a small file system, or else a limit on the size of files."""
    if _may_mount() and cell.operation != "retention":
        with _mounted(cell.endpoint.folder, "-t", "tmpfs", "-o", "size=48k", "tmpfs"):
            yield
        return
    with _limited(cell):
        yield


@contextmanager
def _limited(cell: Cell) -> Iterator[None]:
    with cell.fake_rclone('ulimit -f 40; exec "$REAL" "$@"', call=("", "")):
        yield


@contextmanager
def _read_only(cell: Cell) -> Iterator[None]:
    with read_only(cell.endpoint.folder):
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


def _after(call: tuple[str, str], deed: str) -> Inject:
    """Do something to what is stored as soon as a call of rclone has ended."""

    @contextmanager
    def inject(cell: Cell) -> Iterator[None]:
        before = {path: path.read_bytes() for path in cell.endpoint.files()}
        body = f'"$REAL" "$@"; status=$?; cd {cell.endpoint.folder}; {deed}; exit $status'
        with cell.fake_rclone(body, call=call):
            yield
        for path, content in before.items():
            path.write_bytes(content)

    return inject


def _listing(body: str) -> Inject:
    @contextmanager
    def inject(cell: Cell) -> Iterator[None]:
        with cell.fake_rclone(body, call=("lsjson", "*db/")):
            yield

    return inject


def _outdated(*, extinct: bool) -> Inject:
    """Let listings be those of before: without the newest backup, or with one that is gone."""

    @contextmanager
    def inject(cell: Cell) -> Iterator[None]:
        before, listing = cell.endpoint.files(), _list(cell)
        cell.run_here("dbbackup")
        newest = set(cell.endpoint.files()) - set(before)
        if extinct:
            listing = _list(cell)
            _remove(newest)
        (cell.site.folder / "listing").write_bytes(b'{"list": %b}' % listing)
        with _listing(f"cat {cell.site.folder / 'listing'}; exit 0")(cell):
            yield
        if not extinct:
            _remove(newest)

    return inject


def _remove(paths: Iterable[Path]) -> None:
    for path in paths:
        path.unlink()


def _list(cell: Cell) -> bytes:
    """Return the backups as rclone lists them, by their paths from the remote on."""
    chosen = ("--recursive", "--include=/db/**", str(cell.site.rclone["REMOTE"]))
    env = {**os.environ, "RCLONE_CONFIG": str(cell.endpoint.config or "/dev/null")}
    argv = [str(RCLONE), "lsjson", "--files-only", *chosen]
    listing = subprocess.run(argv, env=env, check=True, capture_output=True).stdout
    assert json.loads(listing)
    return listing


@contextmanager
def _dated(cell: Cell) -> Iterator[None]:
    """Let the clock of the remote tell nonsense: files of the future, and of long ago."""
    for number, path in enumerate(cell.endpoint.files()):
        moment = 4_000_000_000 if number % 2 else 86_400
        os.utime(path, (moment, moment))
    yield


@contextmanager
def _blind(cell: Cell) -> Iterator[None]:
    """Let a remote not show yet what was just stored."""
    with cell.fake_rclone("echo '{\"item\": null}'; exit 0", call=("lsjson", "*.zst")):
        yield


def folder_faults(operation: str) -> Iterator[Fault]:
    """Yield what can happen to a place that is no server."""
    wrong = {1}
    if operation in _UP:
        yield fault("remote is full", _small, "no space|disk space|file too large|holds|SIGXFSZ")
        yield fault("quota is used up", _limited, "too large|SIGXFSZ|holds")
        yield fault("remote is read-only", _read_only, "read-only|not a directory")
    yield fault("remote has a wrong clock", _dated, status={0})
    if operation in ("restore", "retention", "listing"):
        yield fault("listing lacks the newest backup", _outdated(extinct=False), status={0})
        yield fault(
            "listing shows a backup that is gone",
            _outdated(extinct=True),
            "There is no backup",
            # Not passed over: nobody knows whether it is gone, or hidden.
            status={1 if operation == "restore" else 0},
        )
    if operation == "backup":
        yield fault("remote shows late what was stored", _blind, "reports none")
    if operation == "retention":
        yield fault(
            "listing fails half-way",
            _listing('"$REAL" "$@" | head -c 60; echo "error: cut" >&2; exit 5'),
            "cut",
            status={3},
        )
        yield fault(
            "listing is truncated but claims to be complete",
            _listing('"$REAL" "$@" | head -c 60; exit 0'),
            "cannot be read",
            status={3},
        )
    if operation in ("restore", "listing"):
        yield fault(
            "listing fails half-way",
            _listing('"$REAL" "$@" | head -c 60; echo "error: cut" >&2; exit 5'),
            "cut",
            status=wrong,
        )
        yield fault(
            "listing is truncated but claims to be complete",
            _listing('"$REAL" "$@" | head -c 60; exit 0'),
            status=wrong,
        )
    if operation == "restore":
        locked = ("rcat", "*locks/*")
        yield fault(
            "dump vanishes between listing and reading",
            _after(locked, "find . -type f -size +20k -delete"),
            "not found|exited",
        )
        yield fault(
            "dump changes between listing and reading",
            _after(locked, "find . -type f -size +20k -exec sh -c 'echo x >> \"$0\"' {} \\;"),
            "altered|larger|bad|decrypt|failed",
            hint=False,
        )


def cells() -> Iterator[tuple[str, str, str, Fault]]:
    for remote in ("s3", "webdav", "sftp", "crypt-s3"):
        for operation in COMMANDS:
            for found in network_faults(operation, remote):
                yield operation, "sqlite", remote, found
    for operation in ("backup", "restore"):
        for engine in ("postgresql", "mariadb"):
            for found in network_faults(operation, "s3"):
                yield operation, engine, "s3", found
    for operation in COMMANDS:
        for remote in ("folder", "crypt"):
            for found in folder_faults(operation):
                if remote == "crypt" and "dump" in found.name and "changes" in found.name:
                    continue
                yield operation, "sqlite", remote, found
    for engine in ("postgresql", "mariadb"):
        for operation in ("backup", "restore"):
            for found in folder_faults(operation):
                yield operation, engine, "folder", found

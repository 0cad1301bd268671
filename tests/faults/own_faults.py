"""Signals, kills, closed terminals, and limits: what happens to our own process."""

import shutil
import signal
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta

from tests.faults.cell import COMMANDS, MAIN_CALL, Cell, Fault, Inject, fault, kill, kill_child
from tests.faults.clock import going_wrong
from tests.faults.remote_faults import read_only
from tests.faults.tool_faults import NONE

_STOPS = {
    "SIGINT": (signal.SIGINT, 130),
    "SIGTERM": (signal.SIGTERM, 143),
    "SIGHUP": (signal.SIGHUP, 129),
    "SIGKILL": (signal.SIGKILL, -9),
}


def _slow(seconds: float) -> Inject:
    """Let the main call of rclone wait so long for the signal that comes."""

    @contextmanager
    def inject(cell: Cell) -> Iterator[None]:
        verb, _ = MAIN_CALL[cell.operation]
        wait = ""
        if verb != "rcat":
            # It would end too soon: a sleep that has its name waits first, and takes it along.
            sleep = cell.site.folder / verb
            sleep.symlink_to(shutil.which("sleep") or "")
            wait = f"{sleep} {seconds} || kill -9 $$; "
        # Not by exec: what is started by what is killed must go, too.
        with cell.fake_rclone(f'{wait}RCLONE_BWLIMIT=100k "$REAL" "$@"; exit'):
            yield

    return inject


def signals(operation: str) -> Iterator[Fault]:
    """Yield the ends that a command may come to by a signal, and those of its child."""
    for name, (number, status) in _STOPS.items():
        # Nobody is left to end what a killed command has started.
        waits = _slow(3 if number == signal.SIGKILL else 99)
        yield fault(
            f"{name} to the command",
            waits,
            own_process=True,
            interrupt=kill(number),
            status={status},
            hint=False,
            unclean=number == signal.SIGKILL,
        )
    yield fault(
        "SIGKILL to rclone",
        _slow(99),
        "SIGKILL|exited|rclone",
        own_process=True,
        interrupt=kill_child(),
        status={3 if operation == "retention" else 1},
    )


def _child(word: str) -> Fault:
    return fault(
        "SIGKILL to the program of the database",
        _slow(0.7),
        "SIGKILL|exited|closed",
        own_process=True,
        interrupt=kill_child(word),
        status={0, 1},
        hint=False,
    )


def _launched(line: str) -> Inject:
    """Start the command by a line of shell."""

    @contextmanager
    def inject(cell: Cell) -> Iterator[None]:
        plain = cell.site.argv
        cell.site.argv = lambda *words: [  # type: ignore[method-assign]
            *("sh", "-c", line, "sh"),
            *plain(*words),
        ]
        try:
            yield
        finally:
            cell.site.argv = plain  # type: ignore[method-assign]

    return inject


def limits(operation: str) -> Iterator[Fault]:
    """Yield surroundings that a command may find itself in."""
    fine, either = {0}, {0, 1, 3}
    for name, line, status in (
        ("standard input is closed", 'exec "$@" <&-', fine),
        ("standard output is closed", 'exec "$@" >&-', fine),
        ("standard error is closed", 'exec "$@" 2>&-', fine),
        ("output goes to a full disk", 'exec "$@" >/dev/full', either),
        ("output is a closed pipe", '"$@" | true; exit 0', fine),
        ("few file descriptors", 'ulimit -n 32; exec "$@"', either),
    ):
        yield fault(name, _launched(line), own_process=True, status=status, hint=False)
    for name, inject in (
        ("little memory for rclone", _memory),
        ("little memory for the command", _launched('ulimit -v 500000; exec "$@"')),
    ):
        if operation in ("backup", "restore") or inject is _memory:
            yield fault(name, inject, "memory|exited|killed", own_process=True, status=either)


@contextmanager
def _memory(cell: Cell) -> Iterator[None]:
    body = 'ulimit -v 200000; exec "$REAL" "$@"'
    with cell.fake_rclone(body, call=("", "")):
        yield


def _within_a_request(deed: str, patience: float = 60) -> Inject:
    """Do something to the one rclone while it is asked for what the operation needs."""

    @contextmanager
    def inject(cell: Cell) -> Iterator[None]:
        call = ("rcat", "*.json") if cell.operation.startswith("media") else None
        body = f'{deed}; exec "$REAL" "$@"'
        with cell.fake_rclone(body, call=call), cell.setting("STALL_TIMEOUT", patience):
            yield

    return inject


def one_process(operation: str) -> Iterator[Fault]:
    """Yield what may happen to the one rclone that answers all requests."""
    wrong = {3 if operation == "retention" else 1}
    yield fault(
        "rclone is stopped for good",
        _within_a_request("kill -STOP $RCLONE_PID", 3),
        "made no progress for 3 seconds",
        # A restore needs no lock that it cannot have.
        status={0} if operation == "media restore" else wrong,
    )
    yield fault(
        "rclone is killed within a request",
        _within_a_request("kill -9 $RCLONE_PID"),
        "SIGKILL|exited|connection lost",
        status=wrong | {0},
    )
    yield fault(
        "socket of rclone is removed",
        _within_a_request("rm -f $RCLONE_SOCKET"),
        "connection lost",
        status=wrong | {0},
    )


@contextmanager
def _temporary_folder_is_missing(cell: Cell) -> Iterator[None]:
    cell.temporary.rmdir()
    try:
        yield
    finally:
        cell.temporary.mkdir()


@contextmanager
def _temporary_folder_is_full(cell: Cell) -> Iterator[None]:
    mount = ["mount", "-t", "tmpfs", "-o", "size=40k", "tmpfs", str(cell.temporary)]
    if subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        with _temporary_folder_is_missing(cell):
            yield
        return
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", cell.temporary], check=True)


@contextmanager
def _temporary_folder_is_read_only(cell: Cell) -> Iterator[None]:
    with read_only(cell.temporary):
        yield


def temporary(engine: str) -> Iterator[Fault]:
    """Yield what may be wrong with the folder for temporary files."""
    # Only SQLite's dump needs it.
    status = {1} if engine == "sqlite" else {0, 1}
    for name, inject in (
        ("temporary folder is full", _temporary_folder_is_full),
        ("temporary folder is missing", _temporary_folder_is_missing),
        ("temporary folder is read-only", _temporary_folder_is_read_only),
    ):
        yield fault(
            name,
            inject,
            "bytes free|could not be copied|cannot be|No such file|Read-only",
            status=status,
            hint=False,
        )


@contextmanager
def _joined(cell: Cell, commands: Iterable[tuple[str, ...]], ends: set[int]) -> Iterator[None]:
    others = [cell.site.start(*command) for command in commands]
    try:
        yield
    finally:
        for other in others:
            _, said = other.communicate(timeout=240)
            assert other.returncode in ends, said


def _crowd(count: int, ends: set[int]) -> Inject:
    """Let others do the same at the same time."""

    @contextmanager
    def inject(cell: Cell) -> Iterator[None]:
        with _joined(cell, [cell.command] * (count - 1), ends):
            yield

    return inject


def _neighbours(count: int) -> Inject:
    """Let the same be done to other databases at the same time."""

    @contextmanager
    def inject(cell: Cell) -> Iterator[None]:
        aliases = [f"neighbour-{number}" for number in range(count - 1)]
        for alias in aliases:
            cell.site.add_database(alias)
            cell.run_here("dbbackup", "-d", alias)
        commands = [(*cell.command, "-d", alias) for alias in aliases]
        with _joined(cell, commands, {0}):
            yield
        for alias in aliases:
            assert all(backup["verified"] for backup in cell.site.backups("-d", alias))
            del cell.site.databases[alias]

    return inject


def crowds(operation: str) -> Iterator[Fault]:
    """Yield runs at once. A backup never waits; what would disturb another gives way."""
    free = operation in ("backup", "listing")
    ends = {0} if free else {0, 3} if operation == "retention" else {0, 6}
    for count in (2, 10):
        yield fault(
            f"{count} runs at once",
            _crowd(count, ends),
            "has been running",
            status=frozenset(ends),
            companions=count - 1 if operation == "backup" else 0,
        )


def neighbours(operation: str) -> Iterator[Fault]:
    """Yield runs at once that have nothing to do with each other: none gives way."""
    for count in (2, 10):
        yield fault(
            f"{count} runs at once, each on a database of its own",
            _neighbours(count),
            arguments=(*COMMANDS[operation], "-d", "default"),
            status={0},
        )


def _clock(days: float) -> Inject:
    @contextmanager
    def inject(cell: Cell) -> Iterator[None]:
        with going_wrong() as clock:
            clock.wrong = timedelta(days=days)
            yield

    return inject


def clocks(operation: str) -> Iterator[Fault]:
    """Yield times of day that are wrong here, and right again at the next run."""
    fine = {0}
    yield fault("clock is a month slow", _clock(-30), status=fine)
    yield fault(
        "clock is a month fast",
        _clock(30),
        status=fine,
        # The backup of the future is the newest one, and the one just made is spared.
        spared=1,
    )


def cells() -> Iterator[tuple[str, str, str, Fault]]:
    for operation in COMMANDS:
        for remote in ("folder", "s3"):
            for found in signals(operation):
                yield operation, "sqlite", remote, found
        for found in (*limits(operation), *one_process(operation)):
            yield operation, "sqlite", "folder", found
    for engine, programs in (
        ("postgresql", ("pg_dump", "pg_restore")),
        ("mariadb", ("mariadb-dump", "mariadb")),
    ):
        for operation, word in zip(("backup", "restore"), programs, strict=True):
            for found in (*signals(operation), _child(word)):
                yield operation, engine, "folder", found
            for found in limits(operation):
                yield operation, engine, "folder", found
    for engine in ("sqlite", "postgresql", "mariadb"):
        for found in temporary(engine):
            yield "backup", engine, "folder", found
    for operation in COMMANDS:
        for found in crowds(operation):
            yield operation, "sqlite", "folder", found
        for found in clocks(operation):
            yield operation, "sqlite", "folder", found
    for operation in ("backup", "restore", "retention"):
        for found in neighbours(operation):
            yield operation, "sqlite", "folder", found
        for found in crowds(operation):
            yield operation, "sqlite", "s3", found
    for engine in ("postgresql", "mariadb"):
        for operation in ("backup", "restore"):
            for found in crowds(operation):
                yield operation, engine, "folder", found
    for remote in ("folder", "crypt", "s3", "webdav", "sftp", "crypt-s3"):
        for operation in COMMANDS:
            yield operation, "sqlite", remote, NONE

"""Signals, kills, closed terminals, and limits: what happens to our own process."""

import shutil
import signal
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta

from tests.faults.bench import COMMANDS, MAIN_CALL, Bench, Fault, Inflict, kill, kill_child
from tests.faults.clock import going_wrong
from tests.faults.remote_faults import read_only
from tests.faults.tool_faults import NONE

_STOPS = {
    "SIGINT": (signal.SIGINT, 130),
    "SIGTERM": (signal.SIGTERM, 143),
    "SIGHUP": (signal.SIGHUP, 129),
    "SIGKILL": (signal.SIGKILL, -9),
}


@contextmanager
def _slow(bench: Bench) -> Iterator[None]:
    """Let the main call of rclone take long enough to be hit."""
    verb, _ = MAIN_CALL[bench.operation]
    wait = ""
    if verb != "rcat":
        # It is over too soon: what sleeps in its place has its name, and takes it along.
        sleep = bench.site.folder / verb
        sleep.symlink_to(shutil.which("sleep") or "")
        wait = f"{sleep} 0.7 || kill -9 $$; "
    # Not by exec: what is started by what is killed must go, too.
    with bench.fake_rclone(f'{wait}RCLONE_BWLIMIT=100k "$REAL" "$@"; exit'):
        yield


def signals(operation: str) -> Iterator[Fault]:
    """Yield the ends that a command may come to by a signal, and those of its child."""
    for name, (number, status) in _STOPS.items():
        yield Fault(
            name=f"{name} to the command",
            inflict=_slow,
            status=frozenset({status}),
            hint=False,
            own_process=True,
            unclean=number == signal.SIGKILL,
            strike=kill(number),
        )
    yield Fault(
        name="SIGKILL to rclone",
        inflict=_slow,
        status=frozenset({3 if operation == "retention" else 1}),
        says="SIGKILL|exited|rclone",
        own_process=True,
        strike=kill_child(),
    )


def _child(word: str) -> Fault:
    return Fault(
        name="SIGKILL to the program of the database",
        inflict=_slow,
        status=frozenset({0, 1}),
        says="SIGKILL|exited|closed",
        hint=False,
        own_process=True,
        strike=kill_child(word),
    )


def _launched(line: str) -> Inflict:
    """Start the command by a line of shell."""

    @contextmanager
    def inflict(bench: Bench) -> Iterator[None]:
        plain = bench.site.argv
        bench.site.argv = lambda *words: [  # type: ignore[method-assign]
            *("sh", "-c", line, "sh"),
            *plain(*words),
        ]
        try:
            yield
        finally:
            bench.site.argv = plain  # type: ignore[method-assign]

    return inflict


def limits(operation: str) -> Iterator[Fault]:
    """Yield surroundings that a command may find itself in."""
    fine, either = frozenset({0}), frozenset({0, 1, 3})
    for name, line, status in (
        ("standard input is closed", 'exec "$@" <&-', fine),
        ("standard output is closed", 'exec "$@" >&-', fine),
        ("standard error is closed", 'exec "$@" 2>&-', fine),
        ("output goes to a full disk", 'exec "$@" >/dev/full', either),
        ("output is a closed pipe", '"$@" | true; exit 0', fine),
        ("few file descriptors", 'ulimit -n 32; exec "$@"', either),
    ):
        yield Fault(name=name, inflict=_launched(line), status=status, hint=False, own_process=True)
    if operation in ("backup", "restore"):
        for name, inflict in (
            ("little memory for rclone", _memory),
            ("little memory for the command", _launched('ulimit -v 500000; exec "$@"')),
        ):
            yield Fault(
                name=name,
                inflict=inflict,
                status=either,
                says="memory|exited|killed",
                own_process=True,
            )


@contextmanager
def _memory(bench: Bench) -> Iterator[None]:
    body = 'ulimit -v 200000; exec "$REAL" "$@"'
    with bench.fake_rclone(body):
        yield


@contextmanager
def _temporary_folder_is_missing(bench: Bench) -> Iterator[None]:
    bench.temporary.rmdir()
    try:
        yield
    finally:
        bench.temporary.mkdir()


@contextmanager
def _temporary_folder_is_full(bench: Bench) -> Iterator[None]:
    mount = ["mount", "-t", "tmpfs", "-o", "size=40k", "tmpfs", str(bench.temporary)]
    if subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        with _temporary_folder_is_missing(bench):
            yield
        return
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", bench.temporary], check=True)


@contextmanager
def _temporary_folder_is_read_only(bench: Bench) -> Iterator[None]:
    with read_only(bench.temporary):
        yield


def temporary(engine: str) -> Iterator[Fault]:
    """Yield what may be wrong with the folder for temporary files."""
    # Only SQLite's dump needs it.
    status = frozenset({1}) if engine == "sqlite" else frozenset({0, 1})
    for name, inflict in (
        ("temporary folder is full", _temporary_folder_is_full),
        ("temporary folder is missing", _temporary_folder_is_missing),
        ("temporary folder is read-only", _temporary_folder_is_read_only),
    ):
        yield Fault(
            name=name,
            inflict=inflict,
            status=status,
            says="bytes free|could not be copied|cannot be|No such file|Read-only",
            hint=False,
        )


@contextmanager
def _joined(
    bench: Bench, commands: Iterable[tuple[str, ...]], ends: frozenset[int]
) -> Iterator[None]:
    others = [bench.site.start(*command) for command in commands]
    try:
        yield
    finally:
        for other in others:
            _, said = other.communicate(timeout=100)
            assert other.returncode in ends, said


def _crowd(count: int, ends: frozenset[int]) -> Inflict:
    """Let others do the same at the same time."""

    @contextmanager
    def inflict(bench: Bench) -> Iterator[None]:
        with _joined(bench, [bench.command] * (count - 1), ends):
            yield

    return inflict


def _neighbours(count: int) -> Inflict:
    """Let the same be done to other databases at the same time."""

    @contextmanager
    def inflict(bench: Bench) -> Iterator[None]:
        aliases = [f"neighbour-{number}" for number in range(count - 1)]
        for alias in aliases:
            bench.site.add_database(alias)
            bench.run_here("dbbackup", "-d", alias)
        commands = [(*bench.command, "-d", alias) for alias in aliases]
        with _joined(bench, commands, frozenset({0})):
            yield
        for alias in aliases:
            assert all(backup["verified"] for backup in bench.site.backups("-d", alias))
            del bench.site.databases[alias]

    return inflict


def crowds(operation: str) -> Iterator[Fault]:
    """Yield runs at once. A backup never waits; what would disturb another gives way."""
    free = operation in ("backup", "listing")
    ends = {0} if free else {0, 3} if operation == "retention" else {0, 6}
    for count in (2, 10):
        yield Fault(
            name=f"{count} runs at once",
            inflict=_crowd(count, frozenset(ends)),
            status=frozenset(ends),
            says="has been running",
            companions=count - 1 if operation == "backup" else 0,
        )


def neighbours(operation: str) -> Iterator[Fault]:
    """Yield runs at once that have nothing to do with each other: none gives way."""
    for count in (2, 10):
        yield Fault(
            name=f"{count} runs at once, each on a database of its own",
            inflict=_neighbours(count),
            status=frozenset({0}),
            arguments=(*COMMANDS[operation], "-d", "default"),
        )


def _clock(days: float) -> Inflict:
    @contextmanager
    def inflict(bench: Bench) -> Iterator[None]:
        with going_wrong() as clock:
            clock.wrong = timedelta(days=days)
            yield

    return inflict


def clocks(operation: str) -> Iterator[Fault]:
    """Yield times of day that are wrong here, and right again at the next run."""
    fine = frozenset({0})
    yield Fault(name="clock is a month slow", inflict=_clock(-30), status=fine)
    yield Fault(
        name="clock is a month fast",
        inflict=_clock(30),
        status=fine,
        # The backup of the future is the newest one, and the one just made is spared.
        spared=1,
    )


def cells() -> Iterator[tuple[str, str, str, Fault]]:
    for operation in COMMANDS:
        for remote in ("folder", "s3"):
            for fault in signals(operation):
                yield operation, "sqlite", remote, fault
        for fault in limits(operation):
            yield operation, "sqlite", "folder", fault
    for engine, programs in (
        ("postgresql", ("pg_dump", "pg_restore")),
        ("mariadb", ("mariadb-dump", "mariadb")),
    ):
        for operation, word in zip(("backup", "restore"), programs, strict=True):
            for fault in (*signals(operation), _child(word)):
                yield operation, engine, "folder", fault
            for fault in limits(operation):
                yield operation, engine, "folder", fault
    for engine in ("sqlite", "postgresql", "mariadb"):
        for fault in temporary(engine):
            yield "backup", engine, "folder", fault
    for operation in COMMANDS:
        for fault in crowds(operation):
            yield operation, "sqlite", "folder", fault
        for fault in clocks(operation):
            yield operation, "sqlite", "folder", fault
    for operation in ("backup", "restore", "retention"):
        for fault in neighbours(operation):
            yield operation, "sqlite", "folder", fault
        for fault in crowds(operation):
            yield operation, "sqlite", "s3", fault
    for engine in ("postgresql", "mariadb"):
        for operation in ("backup", "restore"):
            for fault in crowds(operation):
                yield operation, engine, "folder", fault
    for remote in ("folder", "crypt", "s3", "webdav", "sftp", "crypt-s3"):
        for operation in COMMANDS:
            yield operation, "sqlite", remote, NONE

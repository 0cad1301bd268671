"""Programs that are missing, break off, hang, or say what they should not."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

from tests.faults.cell import COMMANDS, Cell, Fault, Inject, fault

_FLOOD = "yes 'error: words without end' | head -n 30000 >&2"

_BREAKS_OFF = """
if [ "$1" = rcat ]; then head -c 50000 >/dev/null; else "$REAL" "$@" </dev/null | head -c 50000; fi
echo 'error: on fire' >&2; exit 1
"""

Bodies = dict[str, tuple[str, str]]
_RCLONE: Bodies = {
    # name: what the script does, what the message must hold
    "rclone exits at once": ("echo 'error: disk on fire' >&2; exit 1", "disk on fire"),
    "rclone breaks off in the middle": (_BREAKS_OFF, "on fire"),
    "rclone fails after the last byte": (
        '"$REAL" "$@"; echo \'error: at last\' >&2; exit 1',
        "at last",
    ),
    "rclone is killed": ("kill -9 $$", "killed by SIGKILL"),
    "rclone hangs": ("exec sleep 99", "made no progress for 3 seconds"),
    "rclone hangs and ignores SIGTERM": (
        "trap '' TERM; while :; do sleep 1; done",
        "made no progress for 3 seconds",
    ),
    "rclone floods stderr": (f"{_FLOOD}; exit 1", "words without end"),
}


def _rclone(body: str) -> Inject:
    @contextmanager
    def inject(cell: Cell) -> Iterator[None]:
        hangs = "sleep" in body
        with cell.fake_rclone(body), cell.setting("STALL_TIMEOUT", 3 if hangs else 60):
            yield

    return inject


@contextmanager
def _missing(cell: Cell) -> Iterator[None]:
    with cell.setting("RCLONE_BINARY", "/nowhere/rclone"):
        yield


@contextmanager
def _not_executable(cell: Cell) -> Iterator[None]:
    path = cell.site.folder / "NotExecutable"
    path.write_text("#!/bin/sh\n")
    with cell.setting("RCLONE_BINARY", str(path)):
        yield


@contextmanager
def _too_old(cell: Cell) -> Iterator[None]:
    body = '[ "$1" = version ] && echo rclone v1.50.0 && exit 0; echo "unknown flag" >&2; exit 1'
    # Its version, and the start of the one process.
    with cell.fake_rclone(body, call=("[ov]", "*")):
        yield


def rclone_faults(operation: str) -> Iterator[Fault]:
    """Yield what rclone can do wrong during an operation."""
    wrong = {3 if operation == "retention" else 1}
    for name, (body, says) in _RCLONE.items():
        yield fault(name, _rclone(body), says, status=wrong)
    usage = {2}
    says = "RCLONE_BINARY.*does not name a program"
    yield fault("rclone is missing", _missing, says, status=usage, hint=False)
    yield fault("rclone is not executable", _not_executable, says, status=usage, hint=False)
    if operation != "listing":
        yield fault("rclone is too old", _too_old, "too old")
    # What it says besides the answer is either an error, or does no harm.
    noise = 'echo noise; exec "$REAL" "$@"'
    if operation in ("restore", "listing"):
        says = "larger than its manifest|cannot be (read|decompressed)|does not match"
        yield fault("rclone talks on stdout", _rclone(noise), says, hint=False)
    else:
        harmless = {0}
        yield fault("rclone talks on stdout", _rclone(noise), status=harmless)


_DUMP: Bodies = {
    "dump program exits at once": ("echo 'error: disk on fire' >&2; exit 3", "disk on fire"),
    "dump program breaks off in the middle": (
        '"$REAL" "$@" | head -c 50000; echo \'error: on fire\' >&2; exit 3',
        "on fire",
    ),
    "dump program fails after the last byte": (
        '"$REAL" "$@"; echo \'error: at last\' >&2; exit 3',
        "at last",
    ),
    "dump program is killed": ("kill -9 $$", "killed by SIGKILL"),
    "dump program hangs": ("exec sleep 99", "made no progress for 1 seconds"),
    "dump program hangs and ignores SIGTERM": (
        "trap '' TERM; while :; do sleep 1; done",
        "made no progress for 1 seconds",
    ),
    "dump program floods stderr": (f"{_FLOOD}; exit 3", "words without end"),
    "dump program writes nothing": ("exit 0", "empty|truncated|breaks off|end|cannot be read"),
    "dump program talks on stdout": ('echo noise; exec "$REAL" "$@"', "dump"),
}
_LOAD: Bodies = {
    "restore program exits at once": ("echo 'error: disk on fire' >&2; exit 3", "disk on fire"),
    "restore program breaks off in the middle": (
        "head -c 50000 >/dev/null; echo 'error: on fire' >&2; exit 3",
        "on fire",
    ),
    "restore program fails after the last byte": (
        '"$REAL" "$@"; echo \'error: at last\' >&2; exit 3',
        "at last",
    ),
    "restore program is killed": ("kill -9 $$", "killed by SIGKILL"),
    "restore program floods stderr": (f"{_FLOOD}; exit 3", "words without end"),
}


def _program(which: str, body: str | None) -> Inject:
    @contextmanager
    def inject(cell: Cell) -> Iterator[None]:
        database = cell.database
        name = database.dump_program if which == "dump" else database.restore_program
        with cell.fake_program(name, body), cell.setting("DUMP_STALL_TIMEOUT", 1):
            yield

    return inject


@contextmanager
def _old_program(cell: Cell) -> Iterator[None]:
    answers = {"--version": "pg_dump (PostgreSQL) 9.6.24"}
    database = cell.database
    name = database.dump_program if cell.operation == "backup" else database.restore_program
    with cell.fake_program(name, 'exec "$REAL" "$@"', answers):
        yield


def client_faults(operation: str) -> Iterator[Fault]:
    """Yield what the program of a database can do wrong."""
    which, bodies = ("dump", _DUMP) if operation == "backup" else ("restore", _LOAD)
    for name, (body, says) in bodies.items():
        yield fault(name, _program(which, body), says, hint=False)
    yield fault(
        f"{which} program is missing",
        _program(which, None),
        "pg_dump|pg_restore|mariadb",
        status={1, 2},
    )


def cells() -> Iterator[tuple[str, str, str, Fault]]:
    for operation in COMMANDS:
        for found in rclone_faults(operation):
            yield operation, "sqlite", "folder", found
    for engine in ("postgresql", "mariadb"):
        for operation in ("backup", "restore"):
            for found in rclone_faults(operation):
                yield operation, engine, "folder", found
            for found in client_faults(operation):
                yield operation, engine, "folder", found
    # Programs of MariaDB of any age do; what they cannot do is seen by what they offer.
    for operation, program in (("backup", "pg_dump"), ("restore", "pg_restore")):
        old = fault("programs are too old", _old_program, f"{program} is version 9.6.24")
        yield operation, "postgresql", "folder", old


NONE = fault("none", lambda cell: nullcontext(), status={0})

"""Programs that are missing, break off, hang, or say what they should not."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

from tests.faults.bench import COMMANDS, Bench, Fault, Inflict

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


def _rclone(body: str) -> Inflict:
    @contextmanager
    def inflict(bench: Bench) -> Iterator[None]:
        hangs = "sleep" in body
        with bench.fake_rclone(body), bench.setting("STALL_TIMEOUT", 3 if hangs else 60):
            yield

    return inflict


@contextmanager
def _missing(bench: Bench) -> Iterator[None]:
    with bench.setting("RCLONE_BINARY", "/nowhere/rclone"):
        yield


@contextmanager
def _not_executable(bench: Bench) -> Iterator[None]:
    path = bench.site.folder / "NotExecutable"
    path.write_text("#!/bin/sh\n")
    with bench.setting("RCLONE_BINARY", str(path)):
        yield


@contextmanager
def _too_old(bench: Bench) -> Iterator[None]:
    with bench.fake_rclone("echo rclone v1.50.0; exit 0", call=("version", "*")):
        yield


def rclone_faults(operation: str) -> Iterator[Fault]:
    """Yield what rclone can do wrong during an operation."""
    wrong = frozenset({3 if operation == "retention" else 1})
    for name, (body, says) in _RCLONE.items():
        yield Fault(name=name, inflict=_rclone(body), status=wrong, says=says)
    usage = frozenset({2})
    says = "RCLONE_BINARY.*does not name a program"
    yield Fault(name="rclone is missing", inflict=_missing, status=usage, says=says, hint=False)
    yield Fault(
        name="rclone is not executable",
        inflict=_not_executable,
        status=usage,
        says=says,
        hint=False,
    )
    if operation != "listing":
        yield Fault(name="rclone is too old", inflict=_too_old, says="too old")
    # What it says besides the answer is either an error, or does no harm.
    noise = 'echo noise; exec "$REAL" "$@"'
    if operation in ("restore", "listing"):
        says = "larger than its manifest|cannot be (read|decompressed)|does not match"
        yield Fault(name="rclone talks on stdout", inflict=_rclone(noise), says=says, hint=False)
    else:
        harmless = frozenset({0})
        yield Fault(name="rclone talks on stdout", inflict=_rclone(noise), status=harmless)


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


def _program(which: str, body: str | None) -> Inflict:
    @contextmanager
    def inflict(bench: Bench) -> Iterator[None]:
        names = bench.engine.dump if which == "dump" else bench.engine.load
        with bench.engine.replaced(names, body), bench.setting("DUMP_STALL_TIMEOUT", 1):
            yield

    return inflict


@contextmanager
def _old_program(bench: Bench) -> Iterator[None]:
    names = (*bench.engine.dump, *bench.engine.load)
    version = f"{names[0]} (PostgreSQL) 9.6.24"
    with bench.engine.replaced(names, 'exec "$REAL" "$@"', version=version):
        yield


def client_faults(operation: str) -> Iterator[Fault]:
    """Yield what the program of a database can do wrong."""
    which, bodies = ("dump", _DUMP) if operation == "backup" else ("restore", _LOAD)
    for name, (body, says) in bodies.items():
        yield Fault(name=name, inflict=_program(which, body), says=says, hint=False)
    yield Fault(
        name=f"{which} program is missing",
        inflict=_program(which, None),
        status=frozenset({1, 2}),
        says="pg_dump|pg_restore|mariadb",
    )


def cells() -> Iterator[tuple[str, str, str, Fault]]:
    for operation in COMMANDS:
        for fault in rclone_faults(operation):
            yield operation, "sqlite", "folder", fault
    for engine in ("postgresql", "mariadb"):
        for operation in ("backup", "restore"):
            for fault in rclone_faults(operation):
                yield operation, engine, "folder", fault
            for fault in client_faults(operation):
                yield operation, engine, "folder", fault
    # Programs of MariaDB of any age do; what they cannot do is seen by what they offer.
    for operation, program in (("backup", "pg_dump"), ("restore", "pg_restore")):
        old = Fault(
            name="programs are too old", inflict=_old_program, says=f"{program} is version 9.6.24"
        )
        yield operation, "postgresql", "folder", old


NONE = Fault(name="none", inflict=lambda bench: nullcontext(), status=frozenset({0}))

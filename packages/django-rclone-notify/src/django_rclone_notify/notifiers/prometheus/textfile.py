"""The file of metrics that node_exporter reads: its format, and how it is changed.

https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format
"""

import contextlib
import fcntl
import os
import re
import time
from collections.abc import Iterator
from pathlib import Path

from ...exceptions import NotifierError
from ...transport import deadline as budget

PREFIX = "django_rclone_"

# Two files that are read together must agree on these words: they may not change
# between versions of this package, of which one machine can run several.
HELP = {
    "django_rclone_last_start_timestamp_seconds": "When the last run started.",
    "django_rclone_last_run_timestamp_seconds": "When the last run ended.",
    "django_rclone_last_run_success": "Whether the last run succeeded: 1, or failed: 0.",
    "django_rclone_last_run_duration_seconds": "How long the last run took.",
    "django_rclone_last_success_timestamp_seconds": "When the last successful run ended.",
    "django_rclone_last_success_size_bytes": "Size of what the last successful run stored.",
}
"""Every metric, all of them gauges, and what it tells."""

Samples = dict[str, str]
"""From a metric with its labels, as in the file, to its value, as in the file."""

_LOCK_PAUSE = 0.01
_SAMPLE = re.compile(r"((\w+)\{.*\}) (\S+)")


def read(text: str) -> Samples | None:
    """Return the metrics in ``text``, or ``None`` if anything in it is not written by us.

    A metric of another version of this package is ours, and ``rendered()`` forgets it.
    """
    found: Samples = {}
    for line in text.splitlines():
        match = _SAMPLE.fullmatch(line)
        if match and match[2].startswith(PREFIX):
            found[match[1]] = match[3]
        elif not line.startswith("# "):
            return None
    return found


def rendered(found: Samples) -> str:
    """Return the file that holds ``found``."""
    lines = []
    for name, meaning in HELP.items():
        own = sorted(key for key in found if key.startswith(f"{name}{{"))
        if own:
            lines += [f"# HELP {name} {meaning}", f"# TYPE {name} gauge"]
            lines += [f"{key} {found[key]}" for key in own]
    return "".join(f"{line}\n" for line in lines)


def update(path: Path, changes: Samples) -> NotifierError | None:
    """Add ``changes`` to the file at ``path``, which keeps what others wrote.

    Returns what went wrong. It is to be raised outside of every ``except``, so that
    it carries no exception that tells more.
    """
    try:
        with _alone_in(path.parent):
            text = path.read_text(encoding="utf-8") if path.exists() else ""
            found = read(text)
            if found is None:
                message = "The file holds metrics of someone else: give the channel its own"
                return NotifierError(message, permanent=True)
            _replace(path, rendered({**found, **changes}))
    except TimeoutError:
        return NotifierError("Another process did not let go of the folder in time")
    except UnicodeDecodeError:
        return NotifierError("The file is no text: give the channel its own", permanent=True)
    except OSError as error:
        return NotifierError(f"The file was not written: {error.strerror}", permanent=True)
    return None


@contextlib.contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Keep other writers out meanwhile; the folder itself is the lock, so that none is left."""
    deadline = time.monotonic() + budget.remaining()
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        while not _locked(descriptor):
            if time.monotonic() >= deadline:
                raise TimeoutError
            time.sleep(_LOCK_PAUSE)
        yield
    finally:
        os.close(descriptor)


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _replace(path: Path, text: str) -> None:
    # Without .prom at its end, so that node_exporter never reads a half; a leftover
    # of a killed process is nobody's, because we hold the lock.
    beside = path.with_name(f".{path.name}.new")
    beside.unlink(missing_ok=True)
    with beside.open("x", encoding="utf-8") as file:
        # node_exporter runs as another user, and the umask may say otherwise.
        os.fchmod(file.fileno(), 0o644)
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)

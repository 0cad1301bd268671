"""Prometheus, through a file that the textfile collector of node_exporter reads.

https://github.com/prometheus/node_exporter#textfile-collector
"""

import contextlib
import fcntl
import os
import re
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import ClassVar

from django_rclone.events import OperationEvent, State
from django_rclone_notify import budget
from django_rclone_notify.exceptions import InvalidOption, NotifierError
from django_rclone_notify.messages import cut, one_line
from django_rclone_notify.notices import Notice
from django_rclone_notify.notifiers.base import BACKUPS, Notifier
from django_rclone_notify.notifiers.options import require_text

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

LABELS = ("operation", "database", "environment")

Samples = dict[str, str]
"""From a metric with its labels, as in the file, to its value, as in the file."""

_VALUE_LIMIT = 200
_LOCK_PAUSE = 0.01
_LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_SAMPLE = re.compile(r"((\w+)\{.*\}) (\S+)")
_ESCAPES = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})


class PrometheusNotifier(Notifier):
    """Keeps gauges about the last run and the last success in one file.

    ``path`` is that file, ``.prom`` at its end, in the folder that node_exporter
    watches; channels and processes may share it. ``labels`` are added to every
    metric. Gets every state of backups by default.

    Raises ``NotifierError`` when the file cannot be written, or is not ours.
    """

    default_operations: ClassVar[frozenset[str]] = BACKUPS

    def __init__(self, *, path: str, labels: Mapping[str, str] | None = None) -> None:
        self._path = _require_path(path)
        self._labels = _require_labels({} if labels is None else labels)

    def notify(self, notice: Notice) -> str:
        """Write what ``notice`` changes; a state that is not known changes nothing."""
        changes = samples(notice.event, self._labels)
        if changes:
            failure = _update(self._path, changes)
            if failure is not None:
                raise failure
        return f"{len(changes)} metrics written"


def samples(event: OperationEvent, labels: Mapping[str, str]) -> Samples:
    """Return the metrics that ``event`` changes, and their new values."""
    if event.state not in tuple(State):
        return {}
    start = event.started_at.timestamp()
    end = start + (event.duration or 0.0)
    values: dict[str, float | None] = {"last_start_timestamp_seconds": start}
    if event.state != State.STARTED:
        values["last_run_timestamp_seconds"] = end
        values["last_run_success"] = int(event.state == State.SUCCEEDED)
        values["last_run_duration_seconds"] = event.duration
    if event.state == State.SUCCEEDED:
        values["last_success_timestamp_seconds"] = end
        values["last_success_size_bytes"] = event.size
    named = labels_of(event, labels)
    return {
        f"django_rclone_{name}{named}": repr(value)
        for name, value in values.items()
        if value is not None
    }


def labels_of(event: OperationEvent, labels: Mapping[str, str]) -> str:
    """Return the labels of ``event`` and the channel's own as they stand in the file."""
    # An empty label is, to Prometheus, one that is not there: media have no database.
    values = (event.operation, event.database or "", event.environment)
    pairs = {**labels, **dict(zip(LABELS, values, strict=True))}
    written = (f'{name}="{_escaped(value)}"' for name, value in pairs.items())
    return f"{{{','.join(written)}}}"


def read(text: str) -> Samples | None:
    """Return the metrics in ``text``, or ``None`` if anything in it is not written by us."""
    found: Samples = {}
    for line in text.splitlines():
        match = _SAMPLE.fullmatch(line)
        if match and match[2] in HELP:
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


def _update(path: Path, changes: Samples) -> NotifierError | None:
    """Add ``changes`` to the file; return what went wrong, without a context that tells more."""
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


def _escaped(value: str) -> str:
    return cut(one_line(value), _VALUE_LIMIT).translate(_ESCAPES)


def _require_path(value: object) -> Path:
    path = Path(require_text("path", value))
    if not path.is_absolute() or path.suffix != ".prom":
        hint = "node_exporter reads no other file in the folder it watches."
        raise InvalidOption("path", "must be an absolute path with .prom at its end", hint)
    return path


def _require_labels(value: object) -> dict[str, str]:
    hint = 'Write {"site": "shop"}.'
    if not isinstance(value, Mapping):
        raise InvalidOption("labels", "must be a dictionary", hint)
    for name, text in value.items():
        if not isinstance(name, str) or not _LABEL.fullmatch(name) or name.startswith("__"):
            problem = "must have names of letters, digits and underscores"
            raise InvalidOption("labels", problem, hint)
        if name in LABELS:
            problem = f"must not set {name}, which the event sets"
            raise InvalidOption("labels", problem, hint)
        if not isinstance(text, str):
            raise InvalidOption("labels", "must hold strings only", hint)
    return dict(value)

"""Prometheus, through a file that the textfile collector of node_exporter reads.

https://github.com/prometheus/node_exporter#textfile-collector
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from django_rclone.events import OperationEvent, State

from ...exceptions import InvalidOption
from ...messages import cut, one_line
from ...notifications import Notice
from ...options import require_text
from ..base import BACKUPS, Notifier
from ..slugs import MEDIA
from .textfile import PREFIX, Samples, update

LABELS = ("operation", "database", "environment")

_VALUE_LIMIT = 200
_LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
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
            failure = update(self._path, changes)
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
        f"{PREFIX}{name}{named}": repr(value) for name, value in values.items() if value is not None
    }


def labels_of(event: OperationEvent, labels: Mapping[str, str]) -> str:
    """Return the labels of ``event`` and the channel's own as they stand in the file."""
    database = MEDIA if event.database is None else event.database
    values = (event.operation, database, event.environment)
    pairs = {**labels, **dict(zip(LABELS, values, strict=True))}
    written = (f'{name}="{_escaped(value)}"' for name, value in pairs.items())
    return f"{{{','.join(written)}}}"


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

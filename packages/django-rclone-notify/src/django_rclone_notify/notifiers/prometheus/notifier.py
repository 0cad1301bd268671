"""The Prometheus notifier.

https://github.com/prometheus/node_exporter#textfile-collector
"""

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from django_rclone.events import OperationEvent, State

from ...exceptions import InvalidOption, NotifierError
from ...notifications import Notification
from ...options import require_text
from ..base import BACKUP_OPERATIONS, Notifier
from ..slugs import database_label
from .textfile import label_value, render, replace

LABELS = ("operation", "database", "environment")

_LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9_]+")
_NAME_LIMIT = 100


class PrometheusNotifier(Notifier):
    """Keeps gauges about the last run and the last success of every series in files.

    ``directory`` is the one that node_exporter watches. A series is an operation on a
    database in an environment; ``labels`` are added to all of its metrics. Gets every
    state of backups by default.

    Each series has up to three files: about its last start, its last run and its last
    success. An event determines the whole text of the files it replaces, so nothing
    is read, merged or locked.

    Raises ``NotifierError`` if a file cannot be written.
    """

    default_operations: ClassVar[frozenset[str]] = BACKUP_OPERATIONS

    def __init__(self, *, directory: str, labels: Mapping[str, str] | None = None) -> None:
        self._directory = _require_directory(directory)
        self._labels = _require_labels({} if labels is None else labels)

    def notify(self, notification: Notification) -> str:
        """Replace the files that ``notification`` changes; an unknown state changes none."""
        event = notification.event
        labels = series_labels(event, self._labels)
        changed = metrics(event)
        for kind, values in changed.items():
            path = self._directory / f"{file_stem(labels)}-{kind}.prom"
            if problem := _write(path, render(values, labels)):
                raise NotifierError(f"Cannot write {path}: {problem}", permanent=True)
        return f"{sum(map(len, changed.values()))} metrics written"


def metrics(event: OperationEvent) -> dict[str, dict[str, float]]:
    """Return the new values of the metrics that ``event`` changes, by kind of file."""
    if event.state not in tuple(State):
        return {}
    start = event.started_at.timestamp()
    end = start + (event.duration or 0.0)
    groups: dict[str, dict[str, float | None]] = {
        "start": {"django_rclone_last_start_timestamp_seconds": start}
    }
    if event.state != State.STARTED:
        groups["run"] = {
            "django_rclone_last_run_timestamp_seconds": end,
            "django_rclone_last_run_success": int(event.state == State.SUCCEEDED),
            "django_rclone_last_run_duration_seconds": event.duration,
        }
    if event.state == State.SUCCEEDED:
        groups["success"] = {
            "django_rclone_last_success_timestamp_seconds": end,
            "django_rclone_last_success_size_bytes": event.size,
        }
    return {
        kind: {name: value for name, value in values.items() if value is not None}
        for kind, values in groups.items()
    }


def series_labels(event: OperationEvent, labels: Mapping[str, str]) -> dict[str, str]:
    """Return the labels of the series of ``event``: the channel's ``labels``, then its own."""
    own = (event.operation, database_label(event), event.environment)
    values = {**labels, **dict(zip(LABELS, own, strict=True))}
    return {name: label_value(value) for name, value in values.items()}


def file_stem(labels: Mapping[str, str]) -> str:
    """Return the beginning of the names of a series' files: readable, and unique by a digest."""
    readable = "-".join(_NOT_IN_NAMES.sub("_", value) for value in labels.values())
    digest = hashlib.sha256(repr(sorted(labels.items())).encode()).hexdigest()[:8]
    return f"django_rclone-{readable[:_NAME_LIMIT]}-{digest}"


def _write(path: Path, text: str) -> str:
    """Replace the file at ``path``, and return the problem, if there is one."""
    try:
        replace(path, text)
    except OSError as error:
        return error.strerror or type(error).__name__
    return ""


def _require_directory(value: object) -> Path:
    directory = Path(require_text("directory", value))
    if not directory.is_absolute():
        hint = "Use the directory of node_exporter's --collector.textfile.directory."
        raise InvalidOption("directory", "must be an absolute path", hint)
    return directory


def _require_labels(value: object) -> dict[str, str]:
    hint = 'Write {"site": "shop"}.'
    if not isinstance(value, Mapping):
        raise InvalidOption("labels", "must be a dictionary", hint)
    for name, text in value.items():
        if not isinstance(name, str) or not _LABEL.fullmatch(name) or name.startswith("__"):
            problem = "must have names of letters, digits and underscores"
            raise InvalidOption("labels", problem, hint)
        if name in LABELS:
            problem = f"must not set {name}, which the notifier sets"
            raise InvalidOption("labels", problem, hint)
        if not isinstance(text, str):
            raise InvalidOption("labels", "must contain only strings", hint)
    return dict(value)

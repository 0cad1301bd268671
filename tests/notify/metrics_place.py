"""Where metrics arrive: a folder that is watched as node_exporter's textfile collector does."""

import contextlib
import fcntl
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

TROUBLES = frozenset({"404", "hangs"})

_SUCCESS = "django_rclone_last_run_success"
_watched: dict[str, list[str]] = {}


def _see(event: str, arguments: tuple[Any, ...]) -> None:
    """Keep every version of a watched file, at the moment that it takes its place."""
    if event == "os.rename":
        source, target = arguments[0], os.fspath(arguments[1])
        if target in _watched:
            _watched[target].append(Path(source).read_text())


sys.addaudithook(_see)


class MetricsPlace:
    """The folder; ``404``: it is not there, ``hangs``: another process has its lock."""

    def __init__(self, folder: Path, cleanup: contextlib.ExitStack) -> None:
        self._folder = folder
        self._cleanup = cleanup
        self._path = folder / "backups.prom"
        self._versions = _watched.setdefault(str(self._path), [])

    @property
    def options(self) -> dict[str, Any]:
        return {"path": str(self._path)}

    def told(self) -> list[str]:
        return [_state(version) for version in self._versions]

    def arrived(self) -> bytes:
        return self._path.read_bytes() if self._path.exists() else b""

    def suffer(self, trouble: str) -> None:
        if trouble == "404":
            self._path = self._folder / "nowhere" / "backups.prom"
            return
        descriptor = os.open(self._folder, os.O_RDONLY)
        self._cleanup.callback(os.close, descriptor)
        fcntl.flock(descriptor, fcntl.LOCK_EX)


@contextlib.contextmanager
def open_metrics_place(folder: Path) -> Iterator[MetricsPlace]:
    folder = folder / "textfile-collector"
    folder.mkdir()
    with contextlib.ExitStack() as cleanup:
        cleanup.callback(_watched.clear)
        yield MetricsPlace(folder, cleanup)


def _state(text: str) -> str:
    values = {
        sample.name: sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    if _SUCCESS not in values:
        return "started"
    return "succeeded" if values[_SUCCESS] else "failed"

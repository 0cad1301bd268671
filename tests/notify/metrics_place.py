"""Where metrics arrive: a folder in which every version of the file is seen."""

import contextlib
import fcntl
import os
import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

ROOT = Path(__file__).parents[2]
TROUBLES = frozenset({"404", "hangs"})

_START = "django_rclone_last_start_timestamp_seconds"
_SUCCESS = "django_rclone_last_run_success"
_kept: dict[str, Path] = {}


def watch(path: str, folder: str) -> None:
    """Keep a copy of every version of a file, from the moment that it takes its place."""
    if not _kept:
        sys.addaudithook(_see)
    _kept[path] = Path(folder)


def _see(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "os.rename" and (target := os.fspath(arguments[1])) in _kept:
        shutil.copyfile(arguments[0], _kept[target] / str(time.time_ns()))


class MetricsPlace:
    """The folder; ``404``: it is not there, ``hangs``: another process has its lock."""

    def __init__(self, folder: Path, cleanup: contextlib.ExitStack) -> None:
        self._cleanup = cleanup
        self._folder = folder / "textfile-collector"
        self._versions = folder / "versions"
        self._path = self._folder / "backups.prom"
        self._folder.mkdir()
        self._versions.mkdir()
        watch(str(self._path), str(self._versions))

    @property
    def options(self) -> dict[str, Any]:
        return {"path": str(self._path)}

    @property
    def settings(self) -> str:
        return (
            f"import sys\nsys.path.insert(0, {str(ROOT)!r})\n"
            f"from tests.notify.metrics_place import watch\n"
            f"watch({str(self._path)!r}, {str(self._versions)!r})\n"
        )

    def told(self) -> list[str]:
        paths = sorted(self._versions.iterdir(), key=lambda path: int(path.name))
        return _states([path.read_text() for path in paths])

    def arrived(self) -> bytes:
        return self._path.read_bytes() if self._path.exists() else b""

    def suffer(self, trouble: str) -> None:
        if trouble == "404":
            self._folder.rmdir()
            return
        descriptor = os.open(self._folder, os.O_RDONLY)
        self._cleanup.callback(os.close, descriptor)
        fcntl.flock(descriptor, fcntl.LOCK_EX)


@contextlib.contextmanager
def open_metrics_place(folder: Path) -> Iterator[MetricsPlace]:
    base = folder / "metrics"
    base.mkdir()
    with contextlib.ExitStack() as cleanup:
        yield MetricsPlace(base, cleanup)


def _states(versions: list[str]) -> list[str]:
    """Return what each version told that the one before it did not; the same tells the same."""
    states: list[str] = []
    before: dict[str, float] = {}
    for values in map(_values, versions):
        changed = {name for name, value in values.items() if before.get(name) != value}
        if changed == {_START}:
            states.append("started")
        elif changed:
            states.append("succeeded" if values[_SUCCESS] else "failed")
        else:
            states.append(states[-1])
        before = values
    return states


def _values(text: str) -> dict[str, float]:
    return {
        sample.name: sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }

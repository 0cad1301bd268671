"""The directory that node_exporter watches, with a record of every file put there."""

import contextlib
import os
import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.notify.endpoints import Endpoint

ROOT = Path(__file__).parents[2]
_records: dict[str, Path] = {}


def record(directory: str, folder: str) -> None:
    """Copy each file that is moved within ``directory`` in this process to ``folder``."""
    if not _records:
        sys.addaudithook(_copy)
    _records[directory] = Path(folder)


def _copy(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "os.rename":
        directory, name = os.path.split(os.fspath(arguments[1]))
        if directory in _records:
            shutil.copyfile(arguments[0], _records[directory] / f"{time.time_ns()} {name}")


class TextfileCollector:
    """The directory; its fault ``404`` is that it does not exist."""

    def __init__(self, folder: Path) -> None:
        self._directory = folder / "textfile-collector"
        self._records = folder / "records"
        self._directory.mkdir()
        self._records.mkdir()
        record(str(self._directory), str(self._records))

    @property
    def options(self) -> dict[str, Any]:
        return {"directory": str(self._directory)}

    @property
    def settings(self) -> str:
        return (
            f"import sys\nsys.path.insert(0, {str(ROOT)!r})\n"
            f"from tests.notify.fake_textfile_collector import record\n"
            f"record({str(self._directory)!r}, {str(self._records)!r})\n"
        )

    def states(self) -> list[str]:
        """Every notification replaces the file of the start; the others follow it."""
        states: list[str] = []
        for path in sorted(self._records.iterdir(), key=lambda path: int(path.name.split()[0])):
            if path.stem.endswith("-start"):
                states.append("started")
            elif path.stem.endswith("-run"):
                success = path.read_text().partition("last_run_success{")[2].splitlines()[0]
                states[-1] = "succeeded" if success.endswith(" 1") else "failed"
        return states

    def received(self) -> bytes:
        if not self._directory.exists():
            return b""
        return b"".join(path.read_bytes() for path in sorted(self._directory.glob("*.prom")))

    def fail_with(self, fault: str) -> None:
        self._directory.rmdir()


@contextlib.contextmanager
def open_textfile_collector(folder: Path) -> Iterator[Endpoint]:
    base = folder / "metrics"
    base.mkdir()
    yield TextfileCollector(base)

"""A log file, as the place where the logging notifier delivers."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_LOGGING = """
LOGGING = {{
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {{"state": {{"format": "%(state)s %(message)s"}}}},
    "handlers": {{
        "file": {{
            "class": "logging.FileHandler", "filename": {path!r}, "formatter": "state",
            "encoding": "utf-8",
        }},
    }},
    "loggers": {{
        "django_rclone_notify.operations": {{"handlers": ["file"], "level": "INFO"}},
    }},
}}
"""


class LogPlace:
    """A file that ``LOGGING`` of a site in a process of its own names."""

    options: dict[str, Any] = {}

    def __init__(self, path: Path) -> None:
        self._path = path
        self.settings = _LOGGING.format(path=str(path))

    def told(self) -> list[str]:
        """Return the first word of each line: the field ``state`` of the record."""
        return [line.split()[0] for line in self.arrived().decode().splitlines()]

    def arrived(self) -> bytes:
        """Return all lines."""
        return self._path.read_bytes() if self._path.exists() else b""

    def suffer(self, trouble: str) -> None:
        """A log has no troubles of its own."""
        raise AssertionError(f"a log cannot suffer {trouble}")


@contextlib.contextmanager
def open_log_place(folder: Path) -> Iterator[LogPlace]:
    """Yield a log file below ``folder``."""
    yield LogPlace(folder / "operations.log")

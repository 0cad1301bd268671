"""Reading what rclone says of itself: its JSON log, and what its errors mean."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from .exceptions import RcloneError
from .processes import Command, describe_failure

_HINTS = (
    (
        "didn't find section in config file",
        "Configure the remote named in REMOTE: `rclone config`.",
    ),
    ("unknown flag", "Correct RCLONE_FLAGS; `rclone help flags` lists what this rclone knows."),
    ("unknown shorthand flag", "Correct RCLONE_FLAGS; `rclone help flags` lists what it knows."),
    ("couldn't decrypt configuration", "Set RCLONE_CONFIG_PASS or `--password-command`."),
    ("unable to decrypt", "Set RCLONE_CONFIG_PASS or `--password-command`."),
    ("overlapping remotes", "Keep the media folder and the remote apart."),
    ("permission denied", "Give this user the right to write there."),
    ("no space left", "Make room at the destination."),
)


class Statistics:
    """Follows the statistics in rclone's log: bytes moved, files deleted."""

    def __init__(self, progress: Callable[[int], None] = lambda _: None) -> None:
        self._progress = progress
        self.seen = False
        self.bytes = 0
        self.deletes = 0

    def see(self, line: str) -> str | None:
        """Take a line of the log; return what to keep of it."""
        stats = _entry(line).get("stats")
        if not isinstance(stats, dict):
            return worth_keeping(line)
        self.seen = True
        self.bytes = int(stats.get("bytes", 0))
        self.deletes = int(stats.get("deletes", 0))
        self._progress(self.bytes)
        return None


def _entry(line: str) -> Mapping[str, Any]:
    try:
        entry = json.loads(line)
    except ValueError:
        return {}
    return entry if isinstance(entry, dict) else {}


def worth_keeping(line: str) -> str | None:
    """Return what a line of rclone's log says, if it is worth keeping."""
    if not line.startswith("{"):
        # Usage texts follow a wrong flag; the flag alone matters.
        return line if "rror" in line else None
    entry = _entry(line)
    message = str(entry.get("msg", line)).strip()
    if entry.get("level") in ("debug", "info") or message.startswith("Config file "):
        return None
    if entry.get("skipped"):
        return None
    subject = entry.get("object")
    return f"{subject}: {message}" if subject else message


def failure(command: Command, returncode: int, tail: Sequence[str]) -> RcloneError:
    """Say how rclone ended, with a hint where its words are known."""
    text = describe_failure(command, returncode, tail).message
    lowered = text.lower()
    hint = next((hint for sign, hint in _HINTS if sign in lowered), "")
    return RcloneError(text, hint=hint, returncode=returncode)

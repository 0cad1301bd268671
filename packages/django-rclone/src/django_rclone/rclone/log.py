"""Reading what rclone says of itself: its JSON log, and what its errors mean."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..exceptions import RcloneError
from ..processes import Command, describe_failure

_CREDENTIALS = "Correct the credentials in rclone's configuration, or what they may do."
_IN_PARTS = "Add `--streaming-upload-cutoff=0` to RCLONE_FLAGS: parts have a checksum each."
_LOOK = "`-v` or `-vv` in RCLONE_FLAGS makes rclone tell more."
_TRY_LATER = "The remote or the way to it is in trouble: look at it, and try again later."

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
    ("read-only file system", "Mount it so that it can be written, or choose another place."),
    ("no space left", "Make room at the destination."),
    ("remaining disk space", "Make room at the destination."),
    ("file too large", "The destination takes no file of that size: `ulimit -f`, or its format."),
    ("quota", "Make room at the destination, or raise its quota."),
    ("insufficient storage", "Make room at the destination."),
    ("too many open files", "Raise the limit of open files: `ulimit -n`."),
    ("accessdenied", _CREDENTIALS),
    ("invalidaccesskeyid", _CREDENTIALS),
    ("signaturedoesnotmatch", _CREDENTIALS),
    ("unauthorized", _CREDENTIALS),
    ("forbidden", _CREDENTIALS),
    ("unable to authenticate", _CREDENTIALS),
    ("nosuchbucket", "Create the bucket, or correct REMOTE."),
    ("with object lock parameters", _IN_PARTS),
    ("configured using object lock", _IN_PARTS),
    ("version-at mode", "The past can only be read: unset RCLONE_S3_VERSION_AT, or `version_at`."),
    ("bad password", "The passwords of the `crypt` remote are not those of the backup."),
)
"""What only somebody can mend: trying again does not."""

_TRANSIENT = (
    ("connection refused", "Is the server of the remote running, and its address right?"),
    ("connection reset", _TRY_LATER),
    ("no such host", "Is its address right in rclone's configuration, and the network up?"),
    ("timeout", _TRY_LATER),
    ("timed out", _TRY_LATER),
    ("statuscode: 5", _TRY_LATER),
    ("server error", _TRY_LATER),
    ("unavailable", _TRY_LATER),
    ("too many requests", _TRY_LATER),
    ("slowdown", _TRY_LATER),
    ("unexpected eof", _TRY_LATER),
    (": eof", _TRY_LATER),
    ("broken pipe", _TRY_LATER),
    ("connection lost", _TRY_LATER),
    # It took a folder for a file, since the remote did not answer when it asked what it is.
    ("can't limit to single files", _TRY_LATER),
)
"""What may pass by itself."""

_TEMPORARY = 5  # rclone's exit code for an error that more tries might fix

_COUNTERS = ("bytes", "checks", "deletes", "listed", "renames", "transfers")


class TransferStats:
    """Follows the statistics in rclone's log: bytes moved, files deleted."""

    def __init__(self, progress: Callable[[int], None] = lambda _: None) -> None:
        self._progress = progress
        self.seen = False
        self.bytes = 0
        self.deletes = 0
        self.progress_marker: object = None
        """What differs as soon as rclone has done anything: moved, looked at, listed."""

    def feed(self, line: str) -> str | None:
        """Take a line of the log; return what to keep of it."""
        stats = _entry(line).get("stats")
        if not isinstance(stats, dict):
            return message_of(line)
        self.seen = True
        self.bytes = int(stats.get("bytes", 0))
        self.deletes = int(stats.get("deletes", 0))
        self.progress_marker = [stats.get(name) for name in _COUNTERS]
        self._progress(self.bytes)
        return None


def _entry(line: str) -> Mapping[str, Any]:
    try:
        entry = json.loads(line)
    except ValueError:
        return {}
    return entry if isinstance(entry, dict) else {}


def message_of(line: str) -> str | None:
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
    lasting = next((hint for sign, hint in _HINTS if sign in lowered), "")
    transient = next((hint for sign, hint in _TRANSIENT if sign in lowered), "")
    error = RcloneError(text, hint=lasting or transient or _LOOK, returncode=returncode)
    error.transient = not lasting and (bool(transient) or returncode == _TEMPORARY)
    return error

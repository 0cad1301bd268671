"""Reading rclone's JSON log: messages, progress, and what its errors mean."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..exceptions import MESSAGE_LIMIT, RcloneError
from ..processes import Command, describe_failure
from ..redaction import redact
from .decoding import json_object

_CREDENTIALS = (
    "Correct the credentials in REMOTES or in rclone's configuration, or their permissions."
)
_NO_BUCKET = (
    "If the bucket exists, add the option `no_check_bucket` (True) to the remote: these credentials "
    "may not create one. Otherwise create it."
)
_IN_PARTS = "Add `--streaming-upload-cutoff=0` to RCLONE_FLAGS: each part then has a checksum."
_MORE_DETAIL = "Add `-v` or `-vv` to RCLONE_FLAGS for more detail."
_PASSWORD = "Set RCLONE_CONFIG_PASS, or add `--password-command` to RCLONE_FLAGS."
_OBSCURED = (
    "Store the password as `rclone obscure` prints it; or configure the encryption in REMOTES, "
    "which does that by itself."
)
_TRY_LATER = "The remote or the network is in trouble: check them, and try again later."
_NO_FOLDER = (
    "Either there is a file in the place of this folder, or the remote did not answer which of "
    "them it is: look at it, and try again later."
)
_WRONG_FLAG = "Correct RCLONE_FLAGS; `rclone help flags` lists the flags of this rclone."

_PERMANENT = (
    (
        "didn't find section in config file",
        "Configure the remote named in REMOTE: in REMOTES, or by `rclone config`.",
    ),
    ("unknown flag", _WRONG_FLAG),
    ("unknown shorthand flag", _WRONG_FLAG),
    ("couldn't decrypt configuration", _PASSWORD),
    ("unable to decrypt", _PASSWORD),
    ("overlapping remotes", "Choose separate places for the media folder and the remote."),
    ("permission denied", "Give this user permission to write there."),
    ("read-only file system", "Mount it with write access, or choose another place."),
    ("no space left", "Free some space at the destination."),
    ("remaining disk space", "Free some space at the destination."),
    ("file too large", "The destination limits the size of files: see `ulimit -f` and its format."),
    ("quota", "Free some space at the destination, or raise its quota."),
    ("insufficient storage", "Free some space at the destination."),
    ("too many open files", "Raise the limit of open files: `ulimit -n`."),
    ("createbucket", _NO_BUCKET),
    ("accessdenied", _CREDENTIALS),
    ("invalidaccesskeyid", _CREDENTIALS),
    ("signaturedoesnotmatch", _CREDENTIALS),
    ("unauthorized", _CREDENTIALS),
    ("forbidden", _CREDENTIALS),
    ("unable to authenticate", _CREDENTIALS),
    ("nosuchbucket", "Create the bucket, or correct REMOTE."),
    ("is it obscured?", _OBSCURED),
    ("with object lock parameters", _IN_PARTS),
    ("configured using object lock", _IN_PARTS),
    (
        "version-at mode",
        "The past is read-only: unset `version_at`, or RCLONE_CONFIG_..._VERSION_AT.",
    ),
    ("bad password", "The passwords of the `crypt` remote are not those of the backup."),
)
"""Errors that need somebody to act, with a hint: retrying does not help."""

_TRANSIENT = (
    (
        "connection refused",
        "Check that the server of the remote is running, and that its address is right.",
    ),
    ("connection reset", _TRY_LATER),
    ("no such host", "Check the address of the remote, and the network."),
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
    # The remote did not answer whether this is a folder, so rclone took it for a file.
    ("can't limit to single files", _TRY_LATER),
    ("is a file not a directory", _NO_FOLDER),
)
"""Errors that may pass, with a hint."""

_WORDS = {"statuscode: 5": "server error", ": eof": "unexpected end", "slowdown": "too busy"}

_NOT_FOUND = (3, 4)  # its exit codes for a missing folder and a missing file
_RETRY_EXIT_CODE = 5  # rclone's "temporary error", which more retries might fix

_EXPECTED = ("Config file ", "Serving remote control on ", "rc: ")
"""How messages begin that say nothing new: what a request failed with is in its answer."""

_COUNTERS = ("bytes", "checks", "deletes", "listed", "renames", "transfers")


class TransferStats:
    """Follows the statistics in rclone's log."""

    def __init__(self, progress: Callable[[int], None] = lambda _: None) -> None:
        """``progress`` is called with the bytes transferred so far."""
        self._progress = progress
        self.seen = False
        """Whether the log had any statistics yet."""
        self.bytes = 0
        """Bytes transferred."""
        self.files = 0
        """Files transferred."""
        self.progress_marker: object = None
        """A value that changes whenever rclone transferred, checked or listed anything."""
        self.failed: dict[str, str] = {}
        """Files that could not be transferred in the last attempt, each with the reason."""
        self._attempt_failed = False

    def feed(self, line: str) -> str | None:
        """Read a line of the log. Return its message, unless it is not worth keeping."""
        entry = _entry(line)
        stats = entry.get("stats")
        if not isinstance(stats, dict):
            self._note(entry)
            return message_of(line)
        self.seen = True
        self.bytes = int(stats.get("bytes", 0))
        self.files = int(stats.get("transfers", 0))
        self.progress_marker = [stats.get(name) for name in _COUNTERS]
        self._progress(self.bytes)
        return None

    def _note(self, entry: Mapping[str, Any]) -> None:
        """Remember which file an entry is about, if it says what becomes of one."""
        subject, message = entry.get("object"), str(entry.get("msg", "")).strip()
        if message.startswith("Attempt "):
            self._attempt_failed = True
        if not isinstance(subject, str) or str(entry.get("objectType", "")).endswith(".Fs"):
            return
        if entry.get("level") == "error":
            if self._attempt_failed:
                # rclone tries all that failed again: the attempt before no longer counts.
                self.failed.clear()
                self._attempt_failed = False
            self.failed[subject] = message


def _entry(line: str) -> Mapping[str, Any]:
    try:
        return json_object(line)
    except ValueError:
        return {}


def message_of(line: str) -> str | None:
    """Return the message in a line of the log, unless it is not worth keeping."""
    if not line.startswith("{"):
        # A usage text follows a wrong flag; only the flag matters.
        return line if "rror" in line else None
    entry = _entry(line)
    message = str(entry.get("msg", line)).strip()
    if entry.get("level") in ("debug", "info") or message.startswith(_EXPECTED):
        return None
    if entry.get("skipped"):
        return None
    subject = entry.get("object")
    return f"{subject}: {message}" if subject else message


def reason_of(message: str) -> str:
    """Return in few words why an error may pass."""
    lowered = message.lower()
    sign = next((sign for sign, _ in _TRANSIENT if sign in lowered), "an error that may pass")
    return _WORDS.get(sign, sign)


def failure(command: Command, returncode: int, tail: Sequence[str]) -> RcloneError:
    """Return the error of a failed rclone, with a hint if its message is known."""
    text = describe_failure(command, returncode, tail).message
    error = _classified(text, text, returncode=returncode)
    error.missing = returncode in _NOT_FOUND
    return error


def refusal(what: str, words: str, *, missing: bool = False) -> RcloneError:
    """Return the error of a request that failed, with rclone's own ``words``."""
    words = redact(words)[:MESSAGE_LIMIT]
    error = _classified(f"rclone could not {what}: {words}", words)
    error.missing = missing
    return error


def _classified(text: str, words: str, *, returncode: int | None = None) -> RcloneError:
    lowered = words.lower()
    permanent = next((hint for sign, hint in _PERMANENT if sign in lowered), "")
    transient = next((hint for sign, hint in _TRANSIENT if sign in lowered), "")
    error = RcloneError(text, hint=permanent or transient or _MORE_DETAIL, returncode=returncode)
    error.transient = not permanent and (bool(transient) or returncode == _RETRY_EXIT_CODE)
    return error

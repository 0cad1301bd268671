"""What a storage is like, as far as it says: https://rclone.org/overview/#features."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ..exceptions import RcloneError
from .daemon import Daemon

_S3 = "S3 bucket "
_SERVER_TIME = {"UseServerModTime": True}


@dataclass(frozen=True, slots=True, kw_only=True)
class Traits:
    """What a storage says of itself and of one object in it."""

    stored_at: datetime | None
    """When the object was stored, by the clock of the storage."""
    versioning: str
    """``"Enabled"``, ``"Suspended"`` or ``"Unversioned"``; empty if it does not say."""
    lock: str
    """The mode of the object's lock; empty if it has none, or the storage does not say."""


def traits(daemon: Daemon, fs: str, below: str, path: str) -> Traits:
    """Ask for the traits of the storage of ``fs``, and of the object at ``path`` there.

    ``below`` is the storage itself where ``fs`` is one that encrypts. Raises ``RcloneError``.
    """
    known = _known(daemon, below)
    # Of other storages it is the time that we have given it.
    asked = {**daemon.options.small, **(_SERVER_TIME if known else {})}
    opt = {"metadata": True}
    answer = daemon.api.call(
        "operations/stat", f"find {path}", fs=fs, remote=path, opt=opt, _config=asked
    )
    item = answer.get("item") or {}
    return Traits(
        stored_at=_moment(item.get("ModTime")) if known else None,
        versioning=_versioning(daemon, below) if known else "",
        lock=str((item.get("Metadata") or {}).get("object-lock-mode", "")),
    )


def _known(daemon: Daemon, below: str) -> Mapping[str, Any] | None:
    """Return what rclone knows of the storage itself, if it is of the kind that says more."""
    try:
        found = daemon.storage(below, **daemon.options.small)
    except RcloneError:
        return None  # its address is written in a way of its own
    return found if str(found["String"]).startswith(_S3) else None


def _versioning(daemon: Daemon, below: str) -> str:
    """Return what a bucket says, by https://rclone.org/s3/#versioning."""
    try:
        answer = daemon.api.call(
            "backend/command", "ask for versions", fs=below, command="versioning"
        )
    except RcloneError:
        return ""  # some credentials may not ask
    return str(answer.get("result") or "")


def _moment(text: object) -> datetime | None:
    try:
        return datetime.fromisoformat(str(text))
    except ValueError:
        return None

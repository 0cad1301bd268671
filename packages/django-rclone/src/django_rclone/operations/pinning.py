"""Pins: which backups a clean-up never deletes."""

from datetime import timedelta

from .. import conf
from ..backups.catalog import Catalog, database_catalog
from ..backups.index import EXTENSION
from ..backups.pins import REASON_LIMIT, Pin, pin_path
from ..conf import Settings
from ..exceptions import BackupNotFound, BackupRejected
from ..rclone import Remote, session
from .media.runs import run_catalog


@session()
def pin_backup(name: str, reason: str, *, lasting: timedelta | None = None) -> Pin:
    """Let no clean-up delete a backup or a run of media files, ever or for so long; return its pin.

    A second pin replaces the first. Raises ``InvalidSettings``, ``BackupNotFound``,
    ``BackupRejected`` for a reason that is too long, or ``RcloneError``.
    """
    if len(reason) > REASON_LIMIT:
        raise BackupRejected(
            f"The reason has {len(reason):,} characters; {REASON_LIMIT} are possible.",
            hint="Write down the whole of it elsewhere.",
        )
    settings = conf.load()
    remote = Remote(settings)
    path = _catalog(name, remote, settings).get(name).path
    pin = Pin.new(path, reason, settings, lasting=lasting)
    store_pin(pin, remote)
    return pin


def store_pin(pin: Pin, remote: Remote) -> None:
    """Store a pin, and read it back. Raises ``RcloneError``."""
    remote.write_and_read_back(pin_path(pin.path), pin.to_bytes(), "pin")


@session()
def unpin_backup(name: str) -> str:
    """Let a clean-up delete a backup again, and return its path.

    Raises ``InvalidSettings``, ``BackupNotFound`` or ``RcloneError``.
    """
    settings = conf.load()
    remote = Remote(settings)
    catalog = _catalog(name, remote, settings)
    path = catalog.get(name).path
    if catalog.pin_of(path) is None:
        raise BackupNotFound(
            f"{path} is not pinned.", hint=f"`manage.py {catalog.listing}` shows which ones are."
        )
    remote.delete(pin_path(path))
    return path


def _catalog(name: str, remote: Remote, settings: Settings) -> Catalog:
    """Return the catalog of whatever has such a name: runs of media files, or databases."""
    if name.endswith(f".{EXTENSION}"):
        return run_catalog(remote, settings)
    return database_catalog(remote, settings)

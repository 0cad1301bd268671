"""Pins: which backups a clean-up never deletes."""

from datetime import timedelta

from .. import conf
from ..backups.catalog import database_catalog
from ..backups.pins import REASON_LIMIT, Pin, pin_path
from ..exceptions import BackupNotFound, BackupRejected, RcloneError
from ..rclone import Remote, session


@session()
def pin_backup(name: str, reason: str, *, lasting: timedelta | None = None) -> Pin:
    """Let no clean-up delete a backup of a database, ever or for so long; return its pin.

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
    path = database_catalog(remote, settings).get(name).path
    pin = Pin.new(path, reason, settings, lasting=lasting)
    store_pin(pin, remote)
    return pin


def store_pin(pin: Pin, remote: Remote) -> None:
    """Store a pin, and read it back. Raises ``RcloneError``."""
    path, data = pin_path(pin.path), pin.to_bytes()
    remote.write(path, data)
    if remote.read(path) != data:
        raise RcloneError("The pin could not be read back as it was written.")


@session()
def unpin_backup(name: str) -> str:
    """Let a clean-up delete a backup again, and return its path.

    Raises ``InvalidSettings``, ``BackupNotFound`` or ``RcloneError``.
    """
    settings = conf.load()
    remote = Remote(settings)
    catalog = database_catalog(remote, settings)
    path = catalog.get(name).path
    if catalog.pin_of(path) is None:
        raise BackupNotFound(
            f"{path} is not pinned.", hint="`manage.py listbackups` shows which ones are."
        )
    remote.delete(pin_path(path))
    return path

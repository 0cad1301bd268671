"""Pins: which backups a clean-up never deletes."""

from .. import conf
from ..backups.catalog import database_catalog
from ..backups.pins import REASON_LIMIT, Pin, pin_path
from ..exceptions import BackupNotFound, BackupRejected, RcloneError
from ..rclone import Remote, session


@session()
def pin_backup(name: str, reason: str) -> str:
    """Let no clean-up delete a backup of a database, and return its path.

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
    data = Pin.new(path, reason, settings).to_bytes()
    remote.write(pin_path(path), data)
    if remote.read(pin_path(path)) != data:
        raise RcloneError("The pin could not be read back as it was written.")
    return path


@session()
def unpin_backup(name: str) -> str:
    """Let a clean-up delete a backup again, and return its path.

    Raises ``InvalidSettings``, ``BackupNotFound`` or ``RcloneError``.
    """
    settings = conf.load()
    remote = Remote(settings)
    catalog = database_catalog(remote, settings)
    path = catalog.get(name).path
    if not catalog.has_pin(path):
        raise BackupNotFound(
            f"{path} is not pinned.", hint="`manage.py listbackups` shows which ones are."
        )
    remote.delete(pin_path(path))
    return path

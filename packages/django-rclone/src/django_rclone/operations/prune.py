"""What is stored: listing the database backups, and retention."""

from datetime import UTC, datetime
from typing import NamedTuple

from .. import conf
from ..backups import Backup, Naming
from ..backups.catalog import Catalogue
from ..backups.manifest import manifest_path
from ..backups.retention import abandoned, expired
from ..conf import Settings
from ..console import Console
from ..events import Operation
from ..locks import exclusive, name_of
from ..rclone import Rclone
from ..reporting import Sender, new_operation, report

_QUIET = Console()


class Pruned(NamedTuple):
    """What retention took away: backups beyond those to keep, and abandoned dumps."""

    backups: list[Backup]
    leftovers: list[str]


def prune_database(
    alias: str, *, sender: Sender, keep_path: str | None = None, console: Console = _QUIET
) -> Pruned:
    """Delete the verified backups of one database beyond the newest ``DB_CLEANUP_KEEP``.

    ``keep_path`` is the path of one that stays in any case, the one just made. Only
    those of this environment count and go. Dumps that a run of ours
    abandoned without a manifest go too, two days after. Nothing is deleted
    unless the remote could be listed whole. Raises ``OperationLocked`` or ``RcloneError``.
    """
    settings = conf.load()
    event = new_operation(Operation.DB_PRUNE, environment=settings.environment, database=alias)
    with report(event, sender=sender, console=console):
        rclone = Rclone(settings)
        with exclusive(rclone, *name_of(event)):
            pruned = _prune(alias, rclone, settings, keep_path, console)
    return pruned


def _prune(
    alias: str, rclone: Rclone, settings: Settings, keep_path: str | None, console: Console
) -> Pruned:
    contents = Catalogue(rclone, settings).read()
    whose = (alias, settings.environment)
    ours = [b for b in contents.backups if (b.database, b.environment) == whose]
    naming = Naming(settings.db_filename_template, settings.db_date_format)
    pruned = Pruned(
        expired(ours, keep=settings.db_cleanup_keep, spare=keep_path),
        abandoned(contents.loose, alias, naming, now=datetime.now(UTC)),
    )
    for backup in reversed(pruned.backups):
        # The manifest goes first: half a deletion leaves no backup behind.
        rclone.delete(manifest_path(backup.path))
        rclone.delete(backup.path)
        console.deleted(backup.path)
    for path in pruned.leftovers:
        rclone.delete(path)
        console.deleted(path)
    if doubtful := [backup for backup in ours if not backup.verified]:
        console.warn(f"{len(doubtful)} backups could not be verified; they were kept.")
    return pruned


def list_databases(alias: str | None = None) -> list[Backup]:
    """Return the backups of one database, or of all, newest first.

    Raises ``InvalidSettings`` or ``RcloneError``.
    """
    settings = conf.load()
    catalogue = Catalogue(Rclone(settings), settings)
    return catalogue.read().backups if alias is None else catalogue.of(alias)

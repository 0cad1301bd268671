"""Retention: deleting the backups beyond those to keep."""

from datetime import UTC, datetime
from typing import NamedTuple

from .. import conf
from ..backups import Backup
from ..backups.catalog import Catalog
from ..backups.manifest import manifest_path
from ..backups.naming import Naming
from ..backups.retention import expired, orphaned_dumps
from ..conf import Settings
from ..console import Console
from ..events import Operation
from ..locks import exclusive
from ..rclone import Remote
from ..reporting import Sender, new_operation, report

_QUIET = Console()


class Pruned(NamedTuple):
    """What retention took away: backups beyond those to keep, and abandoned dumps."""

    backups: list[Backup]
    leftovers: list[str]


def prune_database(
    alias: str, *, sender: Sender, spare: str | None = None, console: Console = _QUIET
) -> Pruned:
    """Delete the verified backups of one database beyond the newest ``DB_CLEANUP_KEEP``.

    ``spare`` is the path of one that stays in any case, the one just made. Only
    those of this environment count and go. Dumps that a run of ours
    abandoned without a manifest go too, two days after. Nothing is deleted
    unless the remote could be listed whole. Raises ``OperationLocked`` or ``RcloneError``.
    """
    settings = conf.load()
    event = new_operation(Operation.DB_PRUNE, environment=settings.environment, database=alias)
    with report(event, sender=sender, console=console):
        rclone = Remote(settings)
        with exclusive(rclone, event):
            pruned = _prune(alias, rclone, settings, spare, console)
    return pruned


def _prune(
    alias: str, rclone: Remote, settings: Settings, spare: str | None, console: Console
) -> Pruned:
    contents = Catalog(rclone, settings).read()
    whose = (alias, settings.environment)
    ours = [b for b in contents.backups if (b.database, b.environment) == whose]
    naming = Naming(settings.db_filename_template, settings.db_date_format)
    pruned = Pruned(
        expired(ours, keep=settings.db_cleanup_keep, keep_path=spare),
        orphaned_dumps(contents.uncommitted, alias, naming, now=datetime.now(UTC)),
    )
    for backup in reversed(pruned.backups):
        # The manifest goes first: half a deletion leaves no backup behind.
        rclone.delete(manifest_path(backup.path))
        rclone.delete(backup.path)
    for path in pruned.leftovers:
        rclone.delete(path)
    if doubtful := [backup for backup in ours if not backup.verified]:
        console.warn(f"{len(doubtful)} backups could not be verified; they were kept.")
    return pruned

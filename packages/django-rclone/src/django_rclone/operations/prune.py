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
    """What retention deleted: backups beyond those to keep, and orphaned dumps."""

    backups: list[Backup]
    orphans: list[str]


def prune_database(
    alias: str, *, sender: Sender, keep_path: str | None = None, console: Console = _QUIET
) -> Pruned:
    """Delete the verified backups of one database beyond the newest ``DB_CLEANUP_KEEP``.

    ``keep_path`` is the path of one to keep in any case, such as the newest. Only backups
    of this environment are counted and deleted. Dumps that a killed run left without a
    manifest are deleted two days later. Nothing is deleted unless the remote could be
    listed completely. Raises ``InvalidSettings``, ``OperationLocked`` or ``RcloneError``.
    """
    settings = conf.load()
    event = new_operation(Operation.DB_PRUNE, environment=settings.environment, database=alias)
    with report(event, sender=sender, console=console):
        remote = Remote(settings)
        with exclusive(remote, event):
            pruned = _prune(alias, remote, settings, keep_path, console)
    return pruned


def _prune(
    alias: str, remote: Remote, settings: Settings, keep_path: str | None, console: Console
) -> Pruned:
    contents = Catalog(remote, settings).read()
    whose = (alias, settings.environment)
    ours = [b for b in contents.backups if (b.database, b.environment) == whose]
    naming = Naming(settings.db_filename_template, settings.db_date_format)
    pruned = Pruned(
        expired(ours, keep=settings.db_cleanup_keep, keep_path=keep_path),
        orphaned_dumps(contents.uncommitted, alias, naming, now=datetime.now(UTC)),
    )
    for backup in reversed(pruned.backups):
        # The manifest first: an interrupted deletion leaves no backup behind.
        remote.delete(manifest_path(backup.path))
        remote.delete(backup.path)
        console.deleted(backup.path)
    for path in pruned.orphans:
        remote.delete(path)
        console.deleted(path)
    if doubtful := [backup for backup in ours if not backup.verified]:
        console.warn(f"{len(doubtful)} backups could not be verified; they were kept.")
    return pruned

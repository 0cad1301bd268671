"""Which backups and leftovers may go. Pure rules: nothing here reads or deletes."""

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta

from . import Backup
from .manifest import SUFFIX, manifest_path
from .naming import Naming

LEFTOVER_AGE = timedelta(hours=48)
"""No run lives that long: a dump without a manifest is abandoned by then."""


def expired(backups: Iterable[Backup], *, keep: int, keep_path: str | None = None) -> list[Backup]:
    """Return the verified backups beyond the newest ``keep``, oldest last.

    ``backups`` are those of one database in one environment. Those that are not
    verified neither count nor expire. Raises ``ValueError`` for ``keep`` below 1:
    the newest backup never goes. Nor does the one at the path ``keep_path``, wherever
    a wrong clock has put it.
    """
    if keep < 1:
        raise ValueError("keep must be at least 1")
    verified = [(backup.created_at, backup) for backup in backups if backup.verified]
    dated = [(moment, backup) for moment, backup in verified if moment is not None]
    newest_first = sorted(dated, key=lambda pair: (pair[0], pair[1].path), reverse=True)
    return [backup for _, backup in newest_first[keep:] if backup.path != keep_path]


def orphaned_dumps(
    uncommitted: Collection[str], alias: str, naming: Naming, *, now: datetime
) -> list[str]:
    """Return the paths of what was abandoned of ``alias`` before its manifest was whole.

    ``uncommitted`` are the paths of all for which no manifest vouches.
    """
    dumps = [
        path
        for path in sorted(uncommitted)
        if not path.endswith(SUFFIX)
        and (moment := naming.parse_timestamp(alias, path.rpartition("/")[2]))
        and moment < now - LEFTOVER_AGE
    ]
    # An empty manifest, of a run that was killed while writing it, goes before its dump.
    manifests = [manifest_path(path) for path in dumps]
    return [*(path for path in manifests if path in uncommitted), *dumps]

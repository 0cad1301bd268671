"""Which backups and orphaned dumps may go. Pure rules: nothing is read or deleted here."""

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta

from . import Backup
from .manifest import MANIFEST_SUFFIX, manifest_path
from .naming import Naming

LEFTOVER_AGE = timedelta(hours=48)
"""No run takes that long: a dump that is still without a manifest is orphaned."""


def expired(backups: Iterable[Backup], *, keep: int, keep_path: str | None = None) -> list[Backup]:
    """Return the verified backups beyond the newest ``keep``, newest first.

    ``backups`` are those of one database in one environment. Unverified ones
    neither count nor expire. The backup at ``keep_path`` never expires, however
    wrong the clock that dated it. Raises ``ValueError`` for ``keep`` below 1: the
    newest backup always stays.
    """
    if keep < 1:
        raise ValueError("keep must be at least 1")
    verified = [(backup.created_at, backup) for backup in backups if backup.verified]
    dated = [(created_at, backup) for created_at, backup in verified if created_at is not None]
    newest_first = sorted(dated, key=lambda pair: (pair[0], pair[1].path), reverse=True)
    return [backup for _, backup in newest_first[keep:] if backup.path != keep_path]


def orphaned_dumps(
    uncommitted: Collection[str], alias: str, naming: Naming, *, now: datetime
) -> list[str]:
    """Return the paths of the dumps of ``alias`` whose run died before it wrote the manifest.

    ``uncommitted`` are the paths of all files without a manifest. An empty manifest,
    of a run that was killed while writing it, precedes its dump.
    """
    dumps = [
        path
        for path in sorted(uncommitted)
        if not path.endswith(MANIFEST_SUFFIX)
        and (timestamp := naming.parse_timestamp(alias, path.rpartition("/")[2]))
        and timestamp < now - LEFTOVER_AGE
    ]
    manifests = [manifest_path(path) for path in dumps]
    return [*(path for path in manifests if path in uncommitted), *dumps]

"""Which backups may go. Pure rules: nothing here reads or deletes."""

from collections.abc import Iterable

from .backups import Backup


def expired(backups: Iterable[Backup], *, keep: int, spare: str | None = None) -> list[Backup]:
    """Return the verified backups beyond the newest ``keep``, oldest last.

    ``backups`` are those of one database in one environment. Those that are not
    verified neither count nor expire. Raises ``ValueError`` for ``keep`` below 1:
    the newest backup never goes. Nor does the one at the path ``spare``, wherever
    a wrong clock has put it.
    """
    if keep < 1:
        raise ValueError("keep must be at least 1")
    verified = [(backup.created_at, backup) for backup in backups if backup.verified]
    dated = [(moment, backup) for moment, backup in verified if moment is not None]
    newest_first = sorted(dated, key=lambda pair: (pair[0], pair[1].path), reverse=True)
    return [backup for _, backup in newest_first[keep:] if backup.path != spare]

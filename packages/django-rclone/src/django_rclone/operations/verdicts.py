"""Why each backup of a database stays: the rules of the settings, pins and rehearsals."""

from collections.abc import Sequence
from datetime import datetime

from ..backups import Backup
from ..backups.contents import Contents
from ..backups.rehearsal import Proof, read_record, record_path, record_signer
from ..backups.rules import Verdict, judge
from ..conf import Settings
from ..conf.retention import Policy, time_zone
from ..rclone import Remote


def judge_here(
    backups: Sequence[Backup],
    contents: Contents,
    remote: Remote,
    settings: Settings,
    now: datetime,
    *,
    keep_path: str | None = None,
) -> list[Verdict]:
    """Return why each of ``backups``, those of one database here, stays, newest first."""
    return judge(
        backups,
        settings.retention or Policy(last=settings.db_cleanup_keep),
        zone=time_zone(),
        now=now,
        keep_path=keep_path,
        pinned=contents.pinned,
        rehearsed=_newest_rehearsed(backups, contents, remote, settings),
    )


def _newest_rehearsed(
    backups: Sequence[Backup], contents: Contents, remote: Remote, settings: Settings
) -> frozenset[str]:
    """Return the path of the newest backup with the signed record of a rehearsal that passed."""
    signer = record_signer(settings.signing_key, settings.signing_key_fallbacks)
    dated = [
        (backup.created_at, backup.path, backup)
        for backup in backups
        if backup.created_at and record_path(backup.path, Proof.REHEARSED) in contents.stored
    ]
    for _, path, backup in sorted(dated, key=lambda one: one[:2], reverse=True):
        record = read_record(
            remote.read(record_path(path, Proof.REHEARSED)), backup.signature, signer
        )
        if record and record.passed and record.proof == Proof.REHEARSED:
            return frozenset({path})
    return frozenset()

"""Which backups and orphaned dumps may go. Pure rules: nothing is read or deleted here."""

from collections.abc import Collection, Iterable
from datetime import UTC, datetime, timedelta

from ..conf.retention import Policy
from . import Backup
from .manifest import MANIFEST_SUFFIX, manifest_path
from .naming import Naming
from .pins import pin_path
from .rules import judge

LEFTOVER_AGE = timedelta(hours=48)
"""No run takes that long: a dump that is still without a manifest is orphaned."""

CLOCK_TOLERANCE = timedelta(minutes=15)
"""How far the clocks of two hosts may differ before anyone is warned."""


def expired(
    backups: Iterable[Backup], *, keep: int | Policy, keep_path: str | None = None
) -> list[Backup]:
    """Return the backups that no rule keeps, newest first: see ``judge()``.

    ``keep`` is the policy, or a number of the newest. Raises ``ValueError`` for a number
    below 1: the newest backup always stays.
    """
    if isinstance(keep, int) and keep < 1:
        raise ValueError("keep must be at least 1")
    policy = Policy(last=keep) if isinstance(keep, int) else keep
    verdicts = judge(backups, policy, zone=UTC, keep_path=keep_path)
    return [verdict.backup for verdict in verdicts if verdict.goes]


def dated_after(backups: Iterable[Backup], moment: datetime) -> list[Backup]:
    """Return the backups whose date is later than ``moment``: some clock was, or is, wrong."""
    return [backup for backup in backups if backup.created_at and backup.created_at > moment]


def orphaned_dumps(
    uncommitted: Collection[str],
    alias: str,
    naming: Naming,
    *,
    extensions: Collection[str],
    now: datetime,
) -> list[str]:
    """Return the paths of the dumps of ``alias`` whose run died before it wrote the manifest.

    ``uncommitted`` are the paths of all files for which no manifest was listed, and
    ``extensions`` those of the dumps that this database has. A name counts only if the
    template makes it, to the last character: a copy of a user's own is not orphaned.
    """
    return [
        path
        for path in sorted(uncommitted)
        if not path.endswith(MANIFEST_SUFFIX)
        and (timestamp := naming.parse_timestamp(alias, path.rpartition("/")[2], extensions))
        and timestamp < now - LEFTOVER_AGE
    ]


def with_empty_manifests(dumps: Iterable[str], uncommitted: Collection[str]) -> list[str]:
    """Return orphaned dumps, each after what a killed run may have left next to it.

    That is an empty manifest, and the pin that a safety backup gets before its manifest.
    """
    return [
        path
        for dump in dumps
        for path in (manifest_path(dump), pin_path(dump), dump)
        if path in uncommitted
    ]

"""The backups of databases with what keeps them from being deleted."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from .. import conf
from ..backups import Backup
from ..backups.catalog import database_catalog
from ..backups.contents import Contents
from ..backups.pins import Pinned
from ..backups.rehearsal import Rehearsal
from ..backups.rules import Reason
from ..conf import Settings
from ..rclone import Remote, session
from .proofs import records_of
from .verdicts import judge_here, newest_rehearsed, pins_of


class Listed(NamedTuple):
    """A backup in a list."""

    backup: Backup
    kept: tuple[Reason, ...] | None
    """What keeps it from the next clean-up; ``None`` if that does not look at it."""
    pin: Pinned | None
    """What its pin says; ``None`` if it has none that holds."""
    proofs: tuple[Rehearsal, ...]
    """The records of its last rehearsal and its last reading back."""


@session()
def list_databases(alias: str | None = None) -> list[Listed]:
    """Return the backups of one database, or of all, newest first, with what keeps them.

    A clean-up looks at those of this environment. Raises ``InvalidSettings`` or
    ``RcloneError``.
    """
    settings = conf.load()
    remote = Remote(settings)
    contents = database_catalog(remote, settings).read()
    backups = [backup for backup in contents.backups if alias in (None, backup.database)]
    records = records_of(backups, contents.stored, remote, settings)
    return with_reasons(backups, contents, records, remote, settings, keep=settings.db_cleanup_keep)


def with_reasons(
    backups: Sequence[Backup],
    contents: Contents,
    records: Iterable[Rehearsal],
    remote: Remote,
    settings: Settings,
    *,
    keep: int,
) -> list[Listed]:
    """Return backups or runs with what keeps them, and with the ``records`` about them.

    ``keep`` is how many of one database or source stay if ``RETENTION`` is not set.
    """
    now = datetime.now(UTC)
    pins = pins_of(backups, contents, remote, settings)
    proofs: dict[str, tuple[Rehearsal, ...]] = {}
    for record in records:
        proofs[record.path] = (*proofs.get(record.path, ()), record)
    here: dict[str | None, list[Backup]] = defaultdict(list)
    for backup in backups:
        if backup.environment == settings.environment:
            here[backup.database].append(backup)

    def known(some: Sequence[Backup]) -> Iterator[Rehearsal]:
        return (record for backup in some for record in proofs.get(backup.path, ()))

    kept = {
        verdict.backup.path: verdict.reasons
        for ours in here.values()
        for verdict in judge_here(
            ours,
            settings,
            now,
            keep=keep,
            pins=pins,
            in_sites=contents.in_sites,
            rehearsed=newest_rehearsed([one for one in ours if one.path in proofs], known, now),
        )
    }
    pins = {path: pin for path, pin in pins.items() if pin.holds(now)}
    return [
        Listed(backup, kept.get(path), pins.get(path), proofs.get(path, ()))
        for backup, path in ((one, one.path) for one in backups)
    ]

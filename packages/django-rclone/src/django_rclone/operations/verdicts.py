"""Why each backup of a database stays: the rules of the settings, pins and rehearsals."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from itertools import islice

from ..backups import Backup
from ..backups.contents import Contents
from ..backups.pins import Pinned, pin_path, read_pin
from ..backups.rehearsal import Proof, Rehearsal
from ..backups.rules import Verdict, judge
from ..conf import Settings
from ..conf.retention import Policy, time_zone
from ..rclone import Remote


def judge_here(
    backups: Sequence[Backup],
    settings: Settings,
    now: datetime,
    *,
    pins: Mapping[str, Pinned],
    in_sites: Collection[str],
    records: Callable[[Sequence[Backup]], Iterable[Rehearsal]],
    keep_path: str | None = None,
) -> list[Verdict]:
    """Return why each of ``backups``, those of one database here, stays, newest first.

    ``pins`` are theirs, by path; ``in_sites`` are the paths of parts of site backups;
    ``records`` returns the records about some of them, in
    their order: it is asked for no more than what is needed.
    """
    return judge(
        backups,
        settings.retention or Policy(last=settings.db_cleanup_keep),
        zone=time_zone(),
        now=now,
        keep_path=keep_path,
        pinned={path: pin.until for path, pin in pins.items() if pin.holds(now)},
        in_sites=in_sites,
        rehearsed=_newest_rehearsed(backups, records),
    )


def pins_of(
    backups: Sequence[Backup], contents: Contents, remote: Remote, settings: Settings
) -> dict[str, Pinned]:
    """Return the pins of ``backups`` by their paths, those that have ended among them."""
    return {
        backup.path: read_pin(remote.read(pin_path(backup.path)), backup.path, settings)
        for backup in backups
        if backup.path in contents.pinned
    }


def _newest_rehearsed(
    backups: Sequence[Backup], records: Callable[[Sequence[Backup]], Iterable[Rehearsal]]
) -> frozenset[str]:
    """Return the path of the newest backup with the signed record of a rehearsal that passed."""
    dated = [backup for backup in backups if backup.created_at and not backup.safety]
    newest_first = sorted(dated, key=lambda one: (one.created_at, one.path), reverse=True)
    passed = (
        record.path
        for record in records(newest_first)
        if record.passed and record.proof == Proof.REHEARSED
    )
    return frozenset(islice(passed, 1))

"""Why each backup or run stays: the rules of the settings, pins, site backups and rehearsals."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from itertools import islice
from types import MappingProxyType

from ..backups import Backup
from ..backups.contents import Contents
from ..backups.pins import Pinned, pin_path, read_pin
from ..backups.rehearsal import Proof, Rehearsal
from ..backups.rules import Verdict, judge
from ..conf import Settings
from ..conf.retention import Policy, time_zone
from ..rclone import Remote

_NONE: Mapping[str, Pinned] = MappingProxyType({})


def judge_here(
    backups: Sequence[Backup],
    settings: Settings,
    now: datetime,
    *,
    keep: int,
    pins: Mapping[str, Pinned] = _NONE,
    in_sites: Collection[str] = (),
    rehearsed: Collection[str] = (),
    keep_path: str | None = None,
) -> list[Verdict]:
    """Return why each of ``backups`` stays by the settings, newest first.

    They are those of one database or media source here. ``keep`` is how many of them stay if
    ``RETENTION`` is not set; ``pins`` are theirs, by path; ``in_sites`` are the paths of parts of
    site backups, and ``rehearsed`` those of ``newest_rehearsed()``.
    """
    return judge(
        backups,
        settings.retention or Policy(last=keep),
        zone=time_zone(),
        now=now,
        keep_path=keep_path,
        pinned={path: pin.until for path, pin in pins.items() if pin.holds(now)},
        in_sites=in_sites,
        rehearsed=rehearsed,
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


def newest_rehearsed(
    backups: Sequence[Backup],
    records: Callable[[Sequence[Backup]], Iterable[Rehearsal]],
    now: datetime,
) -> frozenset[str]:
    """Return the path of the newest backup with the signed record of a rehearsal that passed.

    There may be two, since a partial one takes the place of no whole one. One dated after
    ``now`` is not the newest: it stays anyhow. ``records`` returns the records about backups, in
    their order. It is asked for no more than are needed.
    """
    dated = [one for one in backups if one.created_at and one.created_at <= now and not one.safety]
    newest_first = sorted(dated, key=lambda one: (one.created_at, one.path), reverse=True)
    found: set[str] = set()
    for partial in (False, True):
        passed = (
            record.path
            for record in records([one for one in newest_first if one.partial == partial])
            if record.passed and record.proof == Proof.REHEARSED
        )
        found.update(islice(passed, 1))
    return frozenset(found)

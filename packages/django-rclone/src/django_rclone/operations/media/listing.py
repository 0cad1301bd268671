"""The runs with what keeps them from being deleted."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime

from ... import conf
from ...backups import Backup
from ...backups.pins import Pinned
from ...backups.readings import Reading
from ...backups.rehearsal import Proof
from ...backups.rules import Verdict, judge
from ...conf import Settings
from ...conf.retention import Policy, time_zone
from ...rclone import Remote, session
from ..listing import Listed
from ..proofs import records_of_kind
from ..verdicts import pins_of
from .runs import run_catalog


@session()
def list_runs(source: str | None = None) -> list[Listed]:
    """Return the runs of a source, or of all, newest first, with what keeps them.

    A clean-up looks at those of this environment. Raises ``InvalidSettings`` or
    ``RcloneError``.
    """
    settings = conf.load()
    remote = Remote(settings)
    contents = run_catalog(remote, settings).read()
    runs = [run for run in contents.backups if source in (None, run.database)]
    now = datetime.now(UTC)
    here: dict[str | None, list[Backup]] = defaultdict(list)
    for run in runs:
        if run.environment == settings.environment:
            here[run.database].append(run)
    pins = pins_of(runs, contents, remote, settings)
    kept = {
        verdict.backup.path: verdict.reasons
        for ours in here.values()
        for verdict in judge_runs(ours, settings, now, pins=pins, in_sites=contents.in_sites)
    }
    pins = {path: pin for path, pin in pins.items() if pin.holds(now)}
    records = {
        record.path: (record,)
        for record in records_of_kind(
            Reading, runs, contents.stored, remote, settings, [Proof.READ]
        )
    }
    return [
        Listed(run, kept.get(run.path), pins.get(run.path), records.get(run.path, ()))
        for run in runs
    ]


def judge_runs(
    ours: Sequence[Backup],
    settings: Settings,
    now: datetime,
    *,
    pins: Mapping[str, Pinned],
    in_sites: Collection[str],
    keep_path: str | None = None,
) -> list[Verdict]:
    """Return why each run of one source here stays, newest first.

    ``pins`` are theirs, by path; ``in_sites`` are the paths of parts of site backups.
    """
    return judge(
        ours,
        settings.retention or Policy(last=settings.media_cleanup_keep),
        zone=time_zone(),
        now=now,
        keep_path=keep_path,
        pinned={path: pin.until for path, pin in pins.items() if pin.holds(now)},
        in_sites=in_sites,
    )

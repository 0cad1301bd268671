"""Which run a restore takes."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from ...backups import Backup
from ...backups.catalog import Catalog
from ...backups.verification import OLD_KEY
from ...exceptions import BackupNotFound, BackupRejected
from ..newest import not_verified, of_environment, of_other_environments
from .runs import VENDOR, is_whole, newest_run

# A date, or a week with or without the day, and what there is of a time.
_WRITTEN = re.compile(
    r"\d{4}-?(?:\d\d-?\d\d|(?P<week>W\d\d)(?:-?\d)?)"
    r"(?:\D(?P<hour>\d\d)(?::?(?P<minute>\d\d))?(?::?(?P<second>\d\d))?(?P<exact>[.,]\d+)?)?"
)
_LIST = "`manage.py listbackups --media` shows the runs."


def choose_run(
    catalog: Catalog, source: str, at: str | None, environment: str, *, unverified: bool
) -> tuple[Backup, list[str]]:
    """Return the run to restore, and what the operator should know of the choice.

    ``at`` is the name of a run, or a moment: then it is the newest whole run until then.
    Without it, the newest whole run; without any, the newest. ``unverified`` accepts one
    without a valid manifest, if it is given by name. Raises ``BackupNotFound`` or
    ``BackupRejected``.
    """
    moment = parse_moment(at) if at is not None else None
    if at is not None and moment is None:
        named = named_run(catalog, at)
        _require_match(named, source, environment, unverified=unverified)
        return named, list(not_verified(named))
    runs = catalog.for_database(source)
    here = [run for run in runs if run.environment == environment]
    if moment is not None:
        here = [run for run in here if run.created_at is not None and run.created_at <= moment]
    run = newest_run(here)
    if run is None:
        raise _none_found(runs, source, environment, at)
    return run, list(_newer(runs, run))


def named_run(catalog: Catalog, name: str) -> Backup:
    """Return the run of this name. Raises ``BackupNotFound``."""
    try:
        return catalog.get(name)
    except BackupNotFound as error:
        hint = f"{_LIST} A moment is written as 2026-01-31T03:00."
        raise BackupNotFound(error.message, hint=hint) from None


def parse_moment(text: str) -> datetime | None:
    """Return the moment that a text means, in UTC unless it says otherwise; ``None`` if it means none.

    What it leaves out means its end, as listings leave out the seconds: a date alone is the end
    of that day, 03:00 the end of that minute.
    """
    try:
        moment = datetime.fromisoformat(text) + _left_out(text)
    except (ValueError, OverflowError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _left_out(text: str) -> timedelta:
    """Return the time from the beginning to the end of what a moment as it is written may mean."""
    written = _WRITTEN.match(text)
    if written is None or written["exact"]:
        return timedelta()
    if written["hour"] is None:
        week = written["week"] and not text[written.end("week") :]
        whole = timedelta(weeks=1) if week else timedelta(days=1)
    elif written["minute"] is None:
        whole = timedelta(hours=1)
    else:
        whole = timedelta(minutes=1) if written["second"] is None else timedelta(seconds=1)
    return whole - timedelta.resolution


def _newer(runs: list[Backup], chosen: Backup) -> Iterator[str]:
    """Yield a sentence for the newest run, if it is not the one that was chosen."""
    for run in runs[:1]:
        if run.path == chosen.path or not run.created_at or not chosen.created_at:
            continue
        if run.created_at > chosen.created_at and run.environment == chosen.environment:
            why = run.problem or "it is incomplete" if not is_whole(run) else "it is newer"
            yield f"The newest run is not the one that is restored ({why}): {run.name}."


def _none_found(
    runs: list[Backup], source: str, environment: str, at: str | None
) -> BackupNotFound | BackupRejected:
    until = f" until {at}" if at else ""
    unverified = [run for run in runs if not run.verified]
    if unverified:
        return BackupRejected(
            f"Refusing to restore {unverified[0].name}: {unverified[0].problem}.",
            hint=f"{OLD_KEY} To restore it anyway, add --at {unverified[0].name} --unverified.",
        )
    others = sorted({run.environment for run in runs} - {environment})
    there = f"There are runs{of_other_environments(others)}"
    return BackupNotFound(
        f"There is no media backup of source {source!r}{of_environment(environment)}{until} "
        "on the remote.",
        hint=there if others and not at else _LIST,
    )


def _require_match(run: Backup, source: str, environment: str, *, unverified: bool) -> None:
    if not run.verified:
        if not unverified:
            raise BackupRejected(
                f"Refusing to restore {run.path}: {run.problem}.",
                hint=f"{OLD_KEY} To restore it anyway, add --unverified.",
            )
        return
    manifest = run.manifest
    if manifest is None or manifest.vendor != VENDOR:
        raise BackupRejected(f"{run.path} is not a run of media files.", hint=_LIST)
    if manifest.database != source:
        raise BackupRejected(
            f"{run.path} is a run of source {manifest.database!r}, not of {source!r}.",
            hint=f"Add --source {manifest.database}.",
        )
    if manifest.environment != environment:
        raise BackupRejected(
            f"{run.path} was made{of_environment(manifest.environment)}, "
            f"not{of_environment(environment)}.",
            hint=f"To restore it anyway, add --from-environment {manifest.environment!r}.",
        )

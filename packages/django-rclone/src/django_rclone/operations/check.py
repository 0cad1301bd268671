"""A look at the backups: is there one, how old, proven when, of the usual size."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime

from .. import conf
from ..backups import Backup
from ..backups.catalog import database_catalog
from ..backups.contents import Contents
from ..backups.health import Health, Level, examine
from ..backups.retention import dated_after
from ..conf import Settings
from ..console import Console
from ..events import Operation, OperationEvent
from ..exceptions import BackupsUnhealthy, InvalidSettings, RcloneError
from ..rclone import Remote, session
from ..reporting import Sender, new_operation, report
from .databases import every_database
from .media.runs import run_catalog
from .proofs import RECENT, readings_of, records_of
from .verdicts import pins_of

_QUIET = Console()


@session()
def check_backups(*, sender: Sender, console: Console = _QUIET) -> list[Health]:
    """Look at the backups of every database and of media files on the remote, and report what is
    wrong to observers.

    No database is connected to. Each database is an operation of its own, which fails if
    anything is wrong with its backups; all media sources are another. Raises
    ``InvalidSettings``, and ``RcloneError`` if the remote cannot be read; observers learn of
    that, too.
    """
    settings = conf.load()
    aliases = every_database(console=console)
    events = {
        alias: new_operation(Operation.DB_CHECK, environment=settings.environment, database=alias)
        for alias in aliases
    }
    # A remote that cannot be read is a failure of the first, which says it all.
    first = next(iter(events.values()), None)
    found: list[Health] = []
    contents: Contents | None = None
    remote = Remote(settings)
    free: int | None = None
    for alias, event in events.items():
        with suppress(BackupsUnhealthy), report(event, sender=sender, console=console) as context:
            if event is first:
                remote.require_supported()
                contents = database_catalog(remote, settings).read()
                free = _free_space(remote, settings)
            assert contents is not None, "the first one has read it"
            health = database_health(alias, contents, remote, settings, free=free)
            found.append(health)
            if health.newest:
                context.path, context.size = health.newest.path, health.newest.size
            _require_healthy([health], event)
    found += _check_media(remote, settings, sender, console)
    if not found:
        raise InvalidSettings(
            "",
            "There is nothing to check: neither a database nor media files",
            "Correct DATABASES and MEDIA_SOURCES, or name other settings with --settings.",
        )
    return found


def database_health(
    alias: str,
    contents: Contents,
    remote: Remote,
    settings: Settings,
    *,
    free: int | None = None,
) -> Health:
    """Return the health of the backups of one database, of which observers learn nothing.

    ``free`` are the bytes that the remote has left. Raises ``RcloneError``.
    """
    ours = _ours(contents.of(alias), settings)
    records = list(records_of(ours[:RECENT], contents.stored, remote, settings))
    now = datetime.now(UTC)
    pinned = _pinned_ahead(ours, contents, remote, settings, now)
    return examine(alias, ours, records, settings.check, now, free=free, pinned=pinned)


def _pinned_ahead(
    backups: Sequence[Backup],
    contents: Contents,
    remote: Remote,
    settings: Settings,
    now: datetime,
) -> set[str]:
    """Return the paths of the backups dated in the future that have a pin which holds."""
    pins = pins_of(dated_after(backups, now), contents, remote, settings)
    return {path for path, pin in pins.items() if pin.holds(now)}


def _ours(backups: Sequence[Backup], settings: Settings) -> list[Backup]:
    """Return what counts: nobody knows whose those are that cannot be verified."""
    return [
        backup
        for backup in backups
        if not backup.verified or (backup.environment == settings.environment and not backup.safety)
    ]


def _free_space(remote: Remote, settings: Settings) -> int | None:
    if settings.check.min_room is None:
        return None
    try:
        return remote.free_space()
    except RcloneError:
        return None  # some credentials may not ask


def _check_media(
    remote: Remote, settings: Settings, sender: Sender, console: Console
) -> list[Health]:
    contents = run_catalog(remote, settings).read()
    if not _watched(contents, settings):
        return []
    event = new_operation(Operation.MEDIA_CHECK, environment=settings.environment)
    found: list[Health] = []
    with suppress(BackupsUnhealthy), report(event, sender=sender, console=console):
        found += media_health(contents, remote, settings)
        _require_healthy(found, event)
    return found


def media_health(contents: Contents, remote: Remote, settings: Settings) -> Iterator[Health]:
    """Yield the health of each media source, of which observers learn nothing.

    They are those that have runs, and all of them if they were named in the settings. Raises
    ``RcloneError``.
    """
    for name, runs in _watched(contents, settings).items():
        records = readings_of(runs[:RECENT], contents.stored, remote, settings)
        now = datetime.now(UTC)
        pinned = _pinned_ahead(runs, contents, remote, settings, now)
        yield examine(None, runs, list(records), settings.check, now, source=name, pinned=pinned)


def _watched(contents: Contents, settings: Settings) -> dict[str, list[Backup]]:
    runs = {
        source.name: _ours(contents.of(source.name), settings) for source in settings.media_sources
    }
    return {name: ours for name, ours in runs.items() if ours or settings.names_media_sources}


def _require_healthy(found: Sequence[Health], event: OperationEvent) -> None:
    reasons = [
        f"{health.whose}: {finding.text}" if health.source else finding.text
        for health in found
        for finding in health.findings
        if health.level != Level.OK
    ]
    if not reasons:
        return
    what = "media" if event.database is None else f"database {event.database!r}"
    raise BackupsUnhealthy(
        f"The backups of {what} are not as they should be: {'; '.join(reasons)}.",
        hint="`manage.py backupcheck` shows the same; CHECK in the settings has the limits.",
    )

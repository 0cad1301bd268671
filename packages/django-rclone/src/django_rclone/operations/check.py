"""A look at the backups: is there one, how old, proven when, of the usual size."""

from datetime import UTC, datetime

from .. import conf
from ..backups.catalog import database_catalog
from ..backups.contents import Contents
from ..backups.health import Health, Level, examine
from ..conf import Settings
from ..console import Console
from ..events import Operation, OperationEvent
from ..exceptions import BackupsUnhealthy
from ..rclone import Remote, session
from ..reporting import Sender, new_operation, report
from .databases import every_database
from .proofs import records_of

_QUIET = Console()
_LOOKED_AT = 20  # backups of a database whose records are read, newest first


@session()
def check_backups(*, sender: Sender, console: Console = _QUIET) -> list[Health]:
    """Look at the backups of every database on the remote, and report what is wrong to observers.

    No database is connected to. Each database is an operation of its own, which fails if
    anything is wrong with its backups. Raises ``InvalidSettings``, and ``RcloneError`` if the
    remote cannot be read; observers learn of that, too.
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
    for alias, event in events.items():
        try:
            with report(event, sender=sender, console=console) as context:
                if event is first:
                    remote.require_supported()
                    contents = database_catalog(remote, settings).read()
                assert contents is not None, "the first one has read it"
                health = _health(alias, contents, remote, settings)
                found.append(health)
                if health.newest:
                    context.path, context.size = health.newest.path, health.newest.size
                _require_health(health, event)
        except BackupsUnhealthy:
            continue
    return found


def _health(alias: str, contents: Contents, remote: Remote, settings: Settings) -> Health:
    ours = [
        backup
        for backup in contents.of(alias)
        if not backup.verified or (backup.environment == settings.environment and not backup.safety)
    ]
    records = list(records_of(ours[:_LOOKED_AT], contents.stored, remote, settings))
    return examine(alias, ours, records, settings.check, datetime.now(UTC))


def _require_health(health: Health, event: OperationEvent) -> None:
    if health.level == Level.OK:
        return
    what = "media" if event.database is None else f"database {event.database!r}"
    reasons = "; ".join(finding.text for finding in health.findings)
    raise BackupsUnhealthy(
        f"The backups of {what} are not as they should be: {reasons}.",
        hint="`manage.py backupcheck` shows the same; CHECK in the settings has the limits.",
    )

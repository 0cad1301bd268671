"""Database backup: the order of steps."""

from .. import conf
from ..backups import Backup
from ..clients import get_client
from ..console import Console
from ..events import Operation
from ..exceptions import DumpError
from ..rclone import Remote, session
from ..reporting import Sender, new_operation, report
from .client_errors import require_no_transaction, translated
from .places import require_backups_apart
from .storing import Storing, new_attempt

_QUIET = Console()


@session()
def backup_database(
    alias: str, *, sender: Sender, retries: int = 0, console: Console = _QUIET
) -> Backup:
    """Back up one database, and return the backup once it is known to be restorable.

    ``sender`` is what signals carry, the class of the command. A failed backup is
    retried up to ``retries`` times, under a new name: to observers this is one operation
    with one end. Raises ``InvalidSettings`` before anything is sent;
    ``OperationVetoed``, ``DumpError`` or ``ProcessError`` when there is no backup.
    """
    settings = conf.load()
    require_backups_apart(settings)
    client = get_client(alias, settings)
    first = new_attempt(alias, client, settings)
    event = new_operation(
        Operation.DB_BACKUP,
        environment=settings.environment,
        database=alias,
        path=first.path,
        started_at=first.started_at,
    )
    with report(event, sender=sender, console=console) as context:
        remote = Remote(settings)
        remote.require_supported()
        with translated(DumpError, client), client:
            require_no_transaction(client)
            client.check_dump()
            for warning in client.dump_warnings():
                console.warn(warning)
            context.send_pre_signal()
            task = Storing(alias, client, remote, settings, console)
            manifest = task.store_with_retries(first, retries)
        context.path, context.size = manifest.path, manifest.size
    return Backup(path=manifest.path, size=manifest.size, manifest=manifest)

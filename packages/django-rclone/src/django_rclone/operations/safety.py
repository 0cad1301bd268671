"""The safety net of a restore: a backup of what is about to be replaced."""

from ..backups import Backup
from ..backups.naming import SAFETY
from ..backups.pins import Pin, pin_path
from ..clients import get_client
from ..conf import Settings
from ..console import Console
from ..exceptions import DjangoRcloneError, DumpError, InvalidSettings, RestoreError
from ..rclone import Remote
from .client_errors import translated
from .pinning import store_pin
from .places import require_backups_apart
from .storing import Storing, new_attempt


def back_up_first(
    alias: str, replaced_by: Backup, remote: Remote, settings: Settings, console: Console
) -> Pin | None:
    """Back up what ``replaced_by`` is about to replace, and return the pin that keeps that.

    Nothing is backed up, and ``None`` returned, if there is nothing to lose. To observers it
    is part of the restore. No rule of retention counts it, and no restore takes it for the
    newest backup. Raises ``RestoreError`` if it could not be made.
    """
    try:
        client = get_client(alias, settings)
        with translated(DumpError, client), client:
            if client.nothing_to_lose():
                return None
            console.backing_up_first(alias)
            require_backups_apart(settings)
            client.check_dump()
            if client.partial:
                console.warn("What is there now is backed up without what CLIENTS excludes.")
            attempt = new_attempt(alias, client, settings, mark=SAFETY)
            pin = Pin.new(
                attempt.path,
                f"before {replaced_by.name} was restored",
                settings,
                lasting=settings.safety_backup,
            )
            storing = Storing(alias, client, remote, settings, console)
            try:
                # The pin first: without it, a clean-up might delete what it is to keep.
                manifest = storing.store(attempt, before_commit=lambda: store_pin(pin, remote))
            except BaseException:
                remote.try_delete(pin_path(pin.path))
                raise
    except (DjangoRcloneError, InvalidSettings) as error:
        raise _not_backed_up(error) from error
    console.stored(manifest.path, manifest.size)
    return pin


def _not_backed_up(error: DjangoRcloneError | InvalidSettings) -> RestoreError:
    reason = error.message if isinstance(error, DjangoRcloneError) else str(error)
    more = f"{error.hint} " if isinstance(error, DjangoRcloneError) and error.hint else ""
    return RestoreError(
        f"What is in the database now could not be backed up first: {reason}",
        hint=f"{more}To replace it without that, add --no-safety-backup: it cannot be recovered then.",
    )

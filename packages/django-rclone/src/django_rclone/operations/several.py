"""The backup of several databases: each is tried, whatever becomes of the others."""

import logging
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from threading import Lock

from .. import conf
from ..backups import Backup
from ..console import Console
from ..exceptions import BackupsFailed, DjangoRcloneError, InvalidSettings, UnexpectedError
from ..interrupts import LOOK, interruptible, look
from ..rclone import session
from ..redaction import redact
from ..reporting import Sender
from .at_once import for_each
from .backup import backup_database
from .places import require_backups_apart
from .prune import prune_database
from .verify import verify_database

_QUIET = Console()

logger = logging.getLogger(__name__)


@session()
def backup_databases(
    aliases: Sequence[str],
    *,
    sender: Sender,
    retries: int = 0,
    verify: bool = False,
    clean: bool = False,
    jobs: int = 1,
    console: Console = _QUIET,
) -> list[Backup]:
    """Back up several databases, each whatever becomes of the others; return what was stored.

    ``retries`` and ``sender`` are those of ``backup_database()``. With ``verify`` each backup
    is rehearsed. With ``clean`` the old backups of each database are pruned whose new one was
    stored and, with ``verify``, has passed. Up to ``jobs`` databases are
    worked on at once, each in a thread, in which signals are sent too. Raises
    ``InvalidSettings`` before anything is done, and ``BackupsFailed`` in the end if a backup,
    a verification or a clean-up failed, whatever the error was. The traceback of one that nobody expects is
    logged, and shown as a warning.
    """
    require_backups_apart(conf.load())
    stored: dict[str, Backup] = {}
    failed: dict[str, Exception] = {}
    unproven: dict[str, Exception] = {}
    unpruned: dict[str, Exception] = {}
    pruning = Lock()

    def back_up(alias: str) -> None:
        shown = console.part(alias) if min(jobs, len(aliases)) > 1 else console
        shown.backing_up(alias)
        with _noted(alias, failed, shown):
            backup = backup_database(alias, sender=sender, retries=retries, console=shown)
            stored[alias] = backup
            shown.stored(backup.path, backup.size)
        if verify and alias in stored:
            with _noted(alias, unproven, shown):
                name = stored[alias].name
                record = verify_database(alias, name=name, sender=sender, console=shown)
                shown.verified(record.path, record.compared)
        if clean and alias in stored and alias not in unproven:
            # One at a time: each reads the manifests of all, and another may be deleting some.
            with _noted(alias, unpruned, shown), _turn(pruning):
                prune_database(alias, sender=sender, keep_path=stored[alias].path, console=shown)

    for_each(aliases, back_up, jobs=jobs)
    made = [stored[alias] for alias in aliases if alias in stored]
    if failed or unproven or unpruned:
        raise BackupsFailed(
            made,
            _in_order(failed, aliases),
            _in_order(unpruned, aliases),
            unproven=_in_order(unproven, aliases),
        )
    return made


def _in_order(errors: Mapping[str, Exception], aliases: Sequence[str]) -> dict[str, Exception]:
    """Return errors in the order of the databases, whichever failed first."""
    return {alias: errors[alias] for alias in aliases if alias in errors}


@contextmanager
def _turn(lock: Lock) -> Iterator[None]:
    """Hold a lock during the block; the wait for it may be interrupted."""
    with interruptible():
        while not lock.acquire(timeout=LOOK):
            look()
    try:
        yield
    finally:
        lock.release()


@contextmanager
def _noted(alias: str, errors: dict[str, Exception], console: Console) -> Iterator[None]:
    """Note the error of a database, so that the next one is tried."""
    try:
        yield
    except (DjangoRcloneError, InvalidSettings) as error:
        errors[alias] = error
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a client or a driver may raise anything
        text = redact("".join(traceback.format_exception(error)))
        logger.error("Unexpected error with database %r:\n%s", alias, text)
        # Few sites have a log for us.
        console.warn(f"Unexpected error with database {alias!r}:\n{text}")
        errors[alias] = UnexpectedError(f"unexpected {type(error).__name__}: {error}")

"""The backup of several databases: each is tried, whatever becomes of the others."""

import logging
import os
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Lock

from django.core.exceptions import ImproperlyConfigured
from django.db import connections

from .. import conf
from ..backups import Backup
from ..conf import Settings
from ..conf.clients import ClientSettings
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

_QUIET = Console()

logger = logging.getLogger(__name__)


@session()
def backup_databases(
    aliases: Sequence[str],
    *,
    sender: Sender,
    retries: int = 0,
    clean: bool = False,
    jobs: int = 1,
    console: Console = _QUIET,
) -> list[Backup]:
    """Back up several databases, each whatever becomes of the others; return what was stored.

    ``retries`` and ``sender`` are those of ``backup_database()``. With ``clean`` the old
    backups of each database that was backed up are pruned. Up to ``jobs`` databases are
    worked on at once, each in a thread, in which signals are sent too. Raises
    ``InvalidSettings`` before anything is done, and ``BackupsFailed`` in the end if a backup
    or a clean-up failed, whatever the error was. The traceback of one that nobody expects is
    logged, and shown as a warning.
    """
    require_backups_apart(conf.load())
    stored: dict[str, Backup] = {}
    failed: dict[str, Exception] = {}
    unpruned: dict[str, Exception] = {}
    pruning = Lock()

    def back_up(alias: str) -> None:
        shown = console.part(alias) if min(jobs, len(aliases)) > 1 else console
        shown.backing_up(alias)
        with _noted(alias, failed, shown):
            backup = backup_database(alias, sender=sender, retries=retries, console=shown)
            stored[alias] = backup
            shown.stored(backup.path, backup.size)
        if clean and alias in stored:
            # One at a time: each reads the manifests of all, and another may be deleting some.
            with _noted(alias, unpruned, shown), _turn(pruning):
                prune_database(alias, sender=sender, keep_path=stored[alias].path, console=shown)

    for_each(aliases, back_up, jobs=jobs)
    made = [stored[alias] for alias in aliases if alias in stored]
    if failed or unpruned:
        raise BackupsFailed(made, _in_order(failed, aliases), _in_order(unpruned, aliases))
    return made


def _in_order(errors: Mapping[str, Exception], aliases: Sequence[str]) -> dict[str, Exception]:
    """Return errors in the order of the databases, whichever failed first."""
    return {alias: errors[alias] for alias in aliases if alias in errors}


def every_database(*, console: Console = _QUIET) -> list[str]:
    """Return an alias for each of the site's databases, and report those that are left out.

    A database with several aliases is taken once, under the first of them: aliases of
    the same place with the same client, and those that Django's ``TEST["MIRROR"]`` calls
    copies of another. Raises ``InvalidSettings``.
    """
    settings = conf.load()
    chosen: dict[object, str] = {}
    for alias in conf.database_aliases():
        if alias in settings.rehearsal.values():
            continue  # it holds nothing but the last rehearsal
        twin = chosen.setdefault(_place(alias, settings), alias)
        if twin != alias:
            console.same_database(alias, twin)
    mirrors = {alias: _mirrored(alias) for alias in chosen.values()}
    wanted = []
    for alias in chosen.values():
        original = mirrors[alias]
        if original in mirrors and original != alias and mirrors[original] is None:
            console.same_database(alias, original)
        else:
            wanted.append(alias)
    return wanted


def _place(alias: str, settings: Settings) -> object:
    """Return what is equal for two aliases only if their backups would be equal."""
    return repr((located(alias), settings.clients.get(alias, ClientSettings())))


def located(alias: str) -> object:
    """Return what is equal for two aliases only if they are the same database."""
    try:
        connection = connections[alias]
    except ImproperlyConfigured:
        return alias  # its backup fails, and says why
    known = connection.settings_dict
    name = known.get("NAME") or ""
    options = known.get("OPTIONS") or {}
    if connection.vendor == "sqlite":
        if ":memory:" in str(name) or "mode=memory" in str(name):
            return alias
        name = os.path.realpath(Path(name)) if not str(name).startswith("file:") else name
    reached = [options.get(key) for key in ("service", "read_default_file", "unix_socket", "host")]
    place = (connection.vendor, known.get("HOST"), str(known.get("PORT") or ""), str(name))
    return repr((place, reached))


def _mirrored(alias: str) -> str | None:
    """Return the alias of which this one is a copy, as Django's tests know it."""
    try:
        test = connections[alias].settings_dict.get("TEST") or {}
    except ImproperlyConfigured:
        return None
    mirror = test.get("MIRROR")
    return str(mirror) if mirror else None


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

"""The backup of several databases: each is tried, whatever becomes of the others."""

import logging
import os
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured
from django.db import connections

from .. import conf
from ..backups import Backup
from ..conf import Settings
from ..conf.clients import ClientSettings
from ..console import Console
from ..exceptions import BackupsFailed, DjangoRcloneError, InvalidSettings, UnexpectedError
from ..redaction import redact
from ..reporting import Sender
from .backup import backup_database
from .places import require_backups_apart
from .prune import prune_database

_QUIET = Console()

logger = logging.getLogger(__name__)


def backup_databases(
    aliases: Sequence[str],
    *,
    sender: Sender,
    retries: int = 0,
    clean: bool = False,
    console: Console = _QUIET,
) -> list[Backup]:
    """Back up several databases, each whatever becomes of the others; return what was stored.

    ``retries`` and ``sender`` are those of ``backup_database()``. With ``clean`` the old
    backups of each database that was backed up are pruned. Raises ``InvalidSettings`` before
    anything is done, and ``BackupsFailed`` in the end if a backup or a clean-up failed,
    whatever the error was. The traceback of one that nobody expects is logged, and shown
    as a warning.
    """
    require_backups_apart(conf.load())
    stored: list[Backup] = []
    failed: dict[str, Exception] = {}
    unpruned: dict[str, Exception] = {}
    for alias in aliases:
        console.backing_up(alias)
        with _noted(alias, failed, console):
            backup = backup_database(alias, sender=sender, retries=retries, console=console)
            stored.append(backup)
            console.stored(backup.path, backup.size)
        if clean and alias not in failed:
            with _noted(alias, unpruned, console):
                prune_database(alias, sender=sender, keep_path=backup.path, console=console)
    if failed or unpruned:
        raise BackupsFailed(stored, failed, unpruned)
    return stored


def every_database(*, console: Console = _QUIET) -> list[str]:
    """Return an alias for each of the site's databases, and report those that are left out.

    A database with several aliases is taken once, under the first of them: aliases of
    the same place with the same client, and those that Django's ``TEST["MIRROR"]`` calls
    copies of another. Raises ``InvalidSettings``.
    """
    settings = conf.load()
    chosen: dict[object, str] = {}
    for alias in conf.database_aliases():
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
    return repr((place, reached, settings.clients.get(alias, ClientSettings())))


def _mirrored(alias: str) -> str | None:
    """Return the alias of which this one is a copy, as Django's tests know it."""
    try:
        test = connections[alias].settings_dict.get("TEST") or {}
    except ImproperlyConfigured:
        return None
    mirror = test.get("MIRROR")
    return str(mirror) if mirror else None


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

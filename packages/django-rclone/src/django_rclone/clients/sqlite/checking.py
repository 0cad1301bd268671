"""Whether a database file is sound: https://www.sqlite.org/pragma.html#pragma_integrity_check.

Indexes, generated columns and constraints may call functions and collations of the site. What
cannot be checked without one is not damaged: it is named.
"""

import logging
import re
import sqlite3
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, cast

from django.db.backends.base.base import BaseDatabaseWrapper

from .calls import interruptibly
from .files import closing_live, connect

logger = logging.getLogger(__name__)

FILE = "django_rclone_file"
"""The schema of the file in a connection made by ``open_as_site()``."""

QUICK = "quick_check"
"""Reads every row and the structure of every index."""
FULL = "integrity_check"
"""The same, and compares every index with its table: ten times slower."""

_SHOWN = 10
_IN_INDEX = re.compile(r"row \d+ missing from index|wrong # of entries in index|row \d+ of index")
_RECOVER = "Restore an earlier backup, or see https://www.sqlite.org/recovery.html."
# https://www.sqlite.org/lang_reindex.html, with the functions of the site.
_REINDEX = (
    "The rows are whole, only indexes are damaged. Rebuild those, then back up: `manage.py shell "
    "-c \"from django.db import connection; connection.cursor().execute('REINDEX')\"`."
)
_CACHE = 16_000  # KiB; each row is looked up in each index


@dataclass(slots=True)
class Findings:
    """What a check found: ``problems`` are damage, ``unchecked`` is what it could not look at."""

    problems: list[str] = field(default_factory=list)
    unchecked: list[str] = field(default_factory=list)

    @property
    def way_out(self) -> str:
        """Return what to do about the damage."""
        return _REINDEX if all(map(_IN_INDEX.search, self.problems)) else _RECOVER


def open_as_site(wrapper: BaseDatabaseWrapper, path: Path) -> sqlite3.Connection:
    """Open a file, as ``FILE``, with the functions and collations that the site registers.

    The engine and the receivers of ``connection_created`` register them on a database in
    memory, so that whatever else they do happens there. Raises ``sqlite3.Error``.
    """
    private: Any = wrapper.copy()
    options = dict(private.settings_dict.get("OPTIONS") or {})
    options.pop("init_command", None)
    private.settings_dict |= {"OPTIONS": options, "NAME": ":memory:", "AUTOCOMMIT": True}
    with closing_live(connect(path, 0)) as plain:
        [encoding] = plain.execute("PRAGMA encoding").fetchone()
    open_memory = private.get_new_connection

    def open_encoded(parameters: Any) -> sqlite3.Connection:
        memory = cast(sqlite3.Connection, open_memory(parameters))
        # Else the file could not be attached.
        memory.execute(f"PRAGMA encoding = '{encoding}'")
        return memory

    private.get_new_connection = open_encoded
    try:
        private.connect()
    except Exception as error:
        if private.connection is None:
            raise
        # A receiver that needs the site's tables, say: what it did not register is missing.
        logger.debug("A receiver of connection_created failed: %s", type(error).__name__)
    opened = cast(sqlite3.Connection, private.connection)
    try:
        with suppress(sqlite3.Error):
            opened.execute("ROLLBACK")
        opened.isolation_level = None
        opened.row_factory = None
        opened.execute(f"ATTACH ? AS {FILE}", [f"{path.as_uri()}?mode=rw"])
    except BaseException:
        opened.close()
        raise
    return opened


def integrity_of(connection: sqlite3.Connection, check: str = FULL) -> Findings:
    """Check ``FILE``, by ``QUICK`` or ``FULL``; may be interrupted. Raises ``sqlite3.Error``.

    Rows that violate a constraint are the site's own business, not damage: a backup must
    hold them as well.
    """
    findings = Findings()
    try:
        connection.execute(f"PRAGMA {FILE}.cache_size = -{_CACHE}")
        for one in _possible_checks(connection, check, findings):
            findings.problems += interruptibly(connection, partial(_problems, connection, one))
    except sqlite3.DatabaseError as error:
        if not _is_damage(error):
            raise
        findings.problems.append(str(error))
    del findings.problems[_SHOWN:]
    return findings


def uncheckable(connection: sqlite3.Connection, check: str) -> list[str]:
    """Return what of ``FILE`` such a check would leave out now, with the reasons. Quick."""
    findings = Findings()
    with suppress(sqlite3.Error):
        for _ in _possible_checks(connection, check, findings):
            pass
    return findings.unchecked


def _possible_checks(
    connection: sqlite3.Connection, check: str, findings: Findings
) -> Iterator[str]:
    """Yield the statements that together see as much as can be seen; note the rest in ``findings``."""
    connection.execute("PRAGMA ignore_check_constraints = 1")
    whole = f"PRAGMA {FILE}.{check}({2**31 - 1})"
    if _obstacle(connection, whole) is None:
        yield whole
        return
    tables = connection.execute(
        f"SELECT name FROM {FILE}.sqlite_master WHERE type = 'table' AND rootpage > 0"  # noqa: S608
    ).fetchall()
    for (name,) in tables:
        quoted = "'" + name.replace("'", "''") + "'"
        wanted, quick = (f"PRAGMA {FILE}.{kind}({quoted})" for kind in (check, QUICK))
        if (reason := _obstacle(connection, wanted)) is None:
            yield wanted
        elif _obstacle(connection, quick) is None:
            findings.unchecked.append(f"the indexes of table {name} ({reason})")
            yield quick
        else:
            findings.unchecked.append(f"table {name} ({reason})")


def _obstacle(connection: sqlite3.Connection, statement: str) -> str | None:
    """Return why SQLite cannot run a check. Raises ``sqlite3.Error`` for damage."""
    try:
        connection.execute(f"EXPLAIN {statement}").fetchone()
    except sqlite3.Error as error:
        if getattr(error, "sqlite_errorcode", 0) & 0xFF != sqlite3.SQLITE_ERROR:
            raise
        return str(error)
    return None


def _problems(connection: sqlite3.Connection, statement: str) -> list[str]:
    found = (str(row[0]) for row in connection.execute(statement))
    problems = (one for one in found if one != "ok" and not one.startswith("NULL value in"))
    return [one for one, _ in zip(problems, range(_SHOWN), strict=False)]


def _is_damage(error: sqlite3.Error) -> bool:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    return code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)

"""Defaults that call a sequence: the server shows them with the name of the schema.

Elsewhere they would use the sequence of another schema, or none. So a dump has such
columns without a default first, and completes the tables once their sequences are there.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass, field

from ...exceptions import ClientError
from .connection import MysqlSession, quote_name
from .definitions import requalified
from .foreign_keys import quoted_lines
from .references import DEFAULTS

# The engine takes no row with a number below its counter. It counts on from the last row.
_COUNTING_ARCHIVES = """
SELECT table_name FROM information_schema.tables
WHERE table_schema = %s AND engine = 'ARCHIVE' AND auto_increment IS NOT NULL
"""


@dataclass(slots=True)
class Completions:
    """The lines of a dump to replace, and the statements that complete its tables."""

    lines: list[tuple[bytes, bytes]] = field(default_factory=list)
    statements: list[bytes] = field(default_factory=list)


def completions_of(
    session: MysqlSession, schema: str, sequences: Collection[str], excluded: Collection[str]
) -> Completions:
    """Find the defaults of a schema that call its sequences, and keys that are not quoted.

    Raises ``ClientError``.
    """
    found = Completions([*quoted_lines(session, schema, excluded)])
    for (table,) in session.rows(_COUNTING_ARCHIVES, [schema]):
        if table not in excluded:
            found.lines.append(_without_counter(session.shown_table(schema, table)))
    tables: dict[str, dict[str, str]] = {}
    for table, column, default in session.rows(DEFAULTS, [schema]):
        if table not in excluded and requalified(default, schema, "", sequences) != default:
            tables.setdefault(table, {})[column] = default
    for table, defaults in tables.items():
        shown = session.shown_table(schema, table)
        for column, default in defaults.items():
            found.lines.append(_without_default(shown, table, column, default))
        changes = ", ".join(
            f"ALTER COLUMN {quote_name(column)} SET DEFAULT "
            f"{requalified(default, schema, '', sequences)}"
            for column, default in defaults.items()
        )
        found.statements.append(f"ALTER TABLE {quote_name(table)} {changes}".encode())
    return found


def _without_counter(shown: str) -> tuple[bytes, bytes]:
    """Return the line with the options of a table, and the same without its counter."""
    line = f"{shown[shown.rindex(') ENGINE=') :]};".partition("\n")[0]
    return line.encode(), re.sub(r" AUTO_INCREMENT=\d+", "", line, count=1).encode()


def _without_default(shown: str, table: str, column: str, default: str) -> tuple[bytes, bytes]:
    start = f"  {quote_name(column)} "
    for line in shown.split("\n"):
        if line.startswith(start) and f" DEFAULT {default}" in line:
            return line.encode(), line.replace(f" DEFAULT {default}", "", 1).encode()
    raise ClientError(f"The default of {table}.{column} cannot be read.")

"""What the operator leaves out of a dump: whole tables, or the rows of some."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ...conf.client_options import table_name
from ...exceptions import ClientError
from ..session import no_table_to_exclude
from .checks import REFERENCES
from .connection import MysqlSession
from .definitions import references
from .dump_command import WITHOUT_ROWS
from .schema import objects_of
from .tools import DUMP, Tools

_NAMED = "SELECT 1 FROM information_schema.tables WHERE table_schema = %s AND table_name = %s"
_SEQUENCE_DEFAULTS = """
SELECT table_name, column_default FROM information_schema.columns
WHERE table_schema = %s AND locate('val(', column_default)
"""


@dataclass(frozen=True, slots=True)
class Exclusions:
    """Labels of models or names of tables, as they are in the options."""

    wanted_tables: Sequence[str]
    wanted_rows: Sequence[str]

    @property
    def tables(self) -> frozenset[str]:
        """The tables to leave out."""
        return frozenset(map(_table, self.wanted_tables))

    @property
    def rows(self) -> frozenset[str]:
        """The tables to keep without their rows."""
        return frozenset(map(_table, self.wanted_rows))

    @property
    def without_rows(self) -> frozenset[str]:
        """The tables whose rows are left out, whether they themselves are kept or not."""
        return self.tables | self.rows

    def __bool__(self) -> bool:
        return bool(self.wanted_tables or self.wanted_rows)

    def require_possible(self, session: MysqlSession, schema: str) -> None:
        """Raise ``ClientError`` if there is no such table, or if what is kept needs it."""
        for name in (*self.wanted_tables, *self.wanted_rows):
            if not session.rows(_NAMED, [schema, _table(name)]):
                raise no_table_to_exclude(name)
        if self:
            self._require_closed(session, schema)

    def require_tool(self, tools: Tools) -> None:
        """Raise ``ClientError`` if the dump program is missing, or cannot leave out rows alone."""
        program = tools.find(DUMP)
        if self.rows and not tools.supported(DUMP, [WITHOUT_ROWS]):
            raise ClientError(
                f"{Path(program).name} cannot exclude only the rows of a table.",
                hint="Use exclude_tables, or the programs of MariaDB.",
            )

    def _require_closed(self, session: MysqlSession, schema: str) -> None:
        tables, rows = self.tables, self.rows
        for child, parent, _ in session.rows(REFERENCES, {"schema": schema}):
            missing = parent in tables or parent in rows
            if missing and child not in tables and not (child in rows and parent in rows):
                raise _needed(parent, f"a foreign key of {child}")
        for table, default in session.rows(_SEQUENCE_DEFAULTS, [schema]):
            for sequence in references(default) & set(tables):
                if table not in tables:
                    raise _needed(sequence, f"a default of {table}")
        if not tables:
            return
        for one in objects_of(session, schema).definitions:
            if one.kind.sql == "VIEW" and (used := used_tables(one.text) & set(tables)):
                raise _needed(min(used), f"the view {one.name}")


def used_tables(text: str) -> set[str]:
    """Return the tables and views of its own schema that the text of a view uses.

    The server writes a table as a name that nothing qualifies, after a word or a bracket.
    """
    found = re.findall(
        r"'(?:[^'\\]|\\.|'')*'|(?<=from )`((?:[^`]|``)+)`(?!\.)|(?<=join )`((?:[^`]|``)+)`(?!\.)"
        r"|(?<=\()`((?:[^`]|``)+)`(?!\.)",
        text,
        re.DOTALL,
    )
    return {name.replace("``", "`") for names in found for name in names if name}


def _needed(table: str, by: str) -> ClientError:
    return ClientError(
        f"{table} is excluded, and {by} needs it: the backup could not be restored.",
        hint="Exclude both, or neither, in the OPTIONS of this database in CLIENTS.",
    )


def _table(name: str) -> str:
    return table_name(name) or name

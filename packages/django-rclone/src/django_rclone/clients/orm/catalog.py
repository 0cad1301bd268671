"""What the tables of a database have that its models do not say.

Columns that no field knows, columns that the database computes, foreign keys and triggers
that are in the database alone: as far as Django's introspection and the vendor's own
catalog tell.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.utils import CursorWrapper

from ...exceptions import ClientError
from .tables import Table

_COMPUTED = {
    "sqlite": "SELECT name FROM pragma_table_xinfo(%s) WHERE hidden IN (2, 3)",
    "postgresql": (
        "SELECT column_name FROM information_schema.columns "
        "WHERE table_schema = ANY (current_schemas(false)) AND table_name = %s "
        "AND (is_generated = 'ALWAYS' OR identity_generation = 'ALWAYS')"
    ),
    "mysql": (
        "SELECT column_name FROM information_schema.columns WHERE table_schema = DATABASE() "
        "AND table_name = %s AND generation_expression <> ''"
    ),
}
"""By vendor, the columns of a table that cannot be inserted."""

_TRIGGERS = {
    "sqlite": "SELECT tbl_name, name FROM sqlite_master WHERE type = 'trigger'",
    "postgresql": (
        "SELECT c.relname, t.tgname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid "
        "WHERE NOT t.tgisinternal AND t.tgenabled <> 'D' AND pg_table_is_visible(c.oid)"
    ),
    "mysql": (
        "SELECT event_object_table, trigger_name FROM information_schema.triggers "
        "WHERE trigger_schema = DATABASE()"
    ),
}
"""By vendor, the triggers with their tables."""


@dataclass(frozen=True, slots=True)
class StoredColumn:
    """A column of a table that does not compute it."""

    table: str
    name: str
    has_field: bool
    """Whether a field of the model knows it, so that a dump has it."""
    is_required: bool
    """Whether no row can be inserted without it."""

    def __str__(self) -> str:
        return f"{self.table}.{self.name}"


def stored_columns(connection: BaseDatabaseWrapper, tables: Sequence[Table]) -> list[StoredColumn]:
    """Return the columns of tables, but for those that the database computes."""
    with closing(connection.cursor()) as cursor:
        return [column for table in tables for column in _stored_columns(connection, cursor, table)]


def without_field(columns: Iterable[StoredColumn]) -> list[StoredColumn]:
    """Return the columns that no dump has."""
    return [column for column in columns if not column.has_field]


def require_insertable(connection: BaseDatabaseWrapper, tables: Sequence[Table]) -> None:
    """Raise ``ClientError`` when rows could not be inserted again."""
    for extra in without_field(stored_columns(connection, tables)):
        if extra.is_required:
            raise ClientError(
                f"Column {extra} has no field, no default and may not be empty: "
                "the rows of such a backup could not be restored.",
                hint="Give it a default in the database or a field in the model, "
                "or exclude the model with exclude_data.",
            )
    with closing(connection.cursor()) as cursor:
        for table in tables:
            computed = _computed_columns(connection, cursor, table.name)
            names = {connection.introspection.identifier_converter(one) for one in computed}
            for column in table.columns:
                if connection.introspection.identifier_converter(column.name) in names:
                    raise ClientError(
                        f"Column {table.name}.{column.name} is computed by the database, and its "
                        "field is not a GeneratedField: its values could not be restored.",
                        hint="Correct the model, or exclude it with exclude_data.",
                    )


def triggers_on(connection: BaseDatabaseWrapper, tables: Sequence[Table]) -> list[str]:
    """Return the triggers that inserting or deleting rows may fire, where the vendor is known."""
    if connection.vendor not in _TRIGGERS:
        return []
    convert = connection.introspection.identifier_converter
    ours = {convert(table.name) for table in tables}
    with closing(connection.cursor()) as cursor:
        cursor.execute(_TRIGGERS[connection.vendor])
        return sorted(str(name) for table, name in cursor.fetchall() if convert(table) in ours)


def database_references(
    connection: BaseDatabaseWrapper, names: Iterable[str]
) -> Mapping[str, frozenset[str]]:
    """Return by table the tables that its foreign keys in the database refer to."""
    introspection = connection.introspection
    with closing(connection.cursor()) as cursor:
        return {
            name: frozenset(
                str(relation[1]) for relation in introspection.get_relations(cursor, name).values()
            )
            for name in names
        }


def _stored_columns(
    connection: BaseDatabaseWrapper, cursor: CursorWrapper, table: Table
) -> Iterator[StoredColumn]:
    introspection = connection.introspection
    convert = introspection.identifier_converter
    dumped = {convert(column.name): column.name for column in table.columns}
    known = {convert(str(one.column)) for one in table.model._meta.local_concrete_fields}
    computed = {convert(one) for one in _computed_columns(connection, cursor, table.name)}
    for column in introspection.get_table_description(cursor, table.name):
        name = convert(column.name)
        if name not in dumped and name in known | computed:
            continue
        may_be_left_out = (
            column.null_ok
            or column.default is not None
            or getattr(column, "is_autofield", False)
            or "auto_increment" in str(getattr(column, "extra", "") or "")
        )
        yield StoredColumn(
            table.name,
            dumped.get(name, column.name),
            has_field=name in dumped,
            is_required=not may_be_left_out,
        )


def _computed_columns(
    connection: BaseDatabaseWrapper, cursor: CursorWrapper, table: str
) -> list[str]:
    query = _COMPUTED.get(connection.vendor)
    if query is None:
        return []
    cursor.execute(query, [table])
    return [str(name) for (name,) in cursor.fetchall()]

"""Values of geometry columns that the server holds, and that nothing can load.

A column of a geometry that becomes, or is added as, NOT NULL has an empty value in the rows
that were there, in every sql_mode. A dump has it as '', which the server does not take for a
geometry.
"""

from collections.abc import Collection

from ...exceptions import ClientError
from .connection import MysqlSession, quote_name

# The last type is the name that MySQL 8 has for the one before.
_COLUMNS = """
SELECT c.table_name, c.column_name, t.table_type
FROM information_schema.tables t JOIN information_schema.columns c
ON c.table_schema = t.table_schema AND c.table_name = t.table_name
WHERE t.table_schema = %s AND t.table_type IN ('BASE TABLE', 'SYSTEM VERSIONED')
  AND c.is_nullable = 'NO' AND coalesce(c.generation_expression, '') = ''
  AND c.data_type IN ('geometry', 'point', 'linestring', 'polygon', 'multipoint',
    'multilinestring', 'multipolygon', 'geometrycollection', 'geomcollection')
ORDER BY c.table_name, c.ordinal_position
"""


def require_geometries(session: MysqlSession, schema: str, without: Collection[str]) -> None:
    """Raise ``ClientError`` if a table has an empty value for a geometry; ``without`` are left out.

    Only tables with such columns are read.
    """
    for table, column, kind in session.rows(_COLUMNS, [schema]):
        if table in without:
            continue
        history = " FOR SYSTEM_TIME ALL" if kind == "SYSTEM VERSIONED" else ""
        empty = f"octet_length({quote_name(column)}) = 0"
        place = f"{quote_name(schema)}.{quote_name(table)}{history}"
        if session.rows(f"SELECT 1 FROM {place} WHERE {empty} LIMIT 1"):  # noqa: S608
            raise ClientError(
                f"Rows of {table} have an empty value in {column}, which cannot be restored: it is "
                "not a geometry. They got it when the column became NOT NULL.",
                hint=f"Give them a geometry, where {empty}, or let the column be NULL.",
            )

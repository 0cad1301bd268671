"""Values that come back as others, since the text of a dump cannot express them.

A server prints six digits of a FLOAT, to every dump tool:
https://mariadb.com/kb/en/float/. Old character sets hold bytes that no character of Unicode
stands for, or several for the same one: these are printed as question marks, or as another.
"""

from collections.abc import Collection, Sequence
from contextlib import suppress

from ..session import ServerError
from .connection import MysqlSession, quote_name

_EXACT = "('utf8', 'utf8mb3', 'utf8mb4', 'ucs2', 'utf16', 'utf16le', 'utf32', 'latin1', 'binary')"
_COLUMNS = f"""
SELECT c.table_name, c.column_name, c.data_type, c.character_set_name, t.table_type
FROM information_schema.tables t JOIN information_schema.columns c
ON c.table_schema = t.table_schema AND c.table_name = t.table_name
WHERE t.table_schema = %s AND t.table_type IN ('BASE TABLE', 'SYSTEM VERSIONED')
  AND coalesce(c.generation_expression, '') = ''
  AND (c.data_type = 'float' OR c.data_type NOT IN ('enum', 'set')
    AND c.character_set_name NOT IN {_EXACT})
ORDER BY c.table_name, c.ordinal_position
"""  # noqa: S608
_CHANGED = {
    "float": "CAST(CAST({0} AS char) AS float) <> {0}",
    "text": "CAST(CONVERT(CONVERT({0} USING utf8mb4) USING {1}) AS binary) <> CAST({0} AS binary)",
}


def inexact_values(
    session: MysqlSession, schema: str, *, without: Collection[str]
) -> Sequence[str]:
    """Return what the operator should know of values that a dump changes.

    Only tables with such columns are read; those ``without`` rows are not.
    """
    found: dict[str, list[str]] = {"float": [], "text": []}
    for table, column, data_type, charset, table_type in session.rows(_COLUMNS, [schema]):
        if table in without:
            continue
        kind = "float" if data_type == "float" else "text"
        changed = _CHANGED[kind].format(quote_name(column), charset)
        history = " FOR SYSTEM_TIME ALL" if table_type == "SYSTEM VERSIONED" else ""
        place = f"{quote_name(schema)}.{quote_name(table)}{history}"
        # Where the server cannot read a table, the dump fails, or leaves its rows out.
        with suppress(ServerError):
            if session.rows(f"SELECT 1 FROM {place} WHERE {changed} LIMIT 1"):  # noqa: S608
                found[kind].append(f"{table}.{column}")
    warnings = []
    if found["float"]:
        warnings.append(
            f"Numbers in {', '.join(found['float'])} come back rounded to six digits, as the server "
            "prints those of a FLOAT. Those of a DOUBLE come back exactly."
        )
    if found["text"]:
        warnings.append(
            f"Characters in {', '.join(found['text'])} come back as others or as question marks: "
            "Unicode, in which dumps are written, does not have them. Correct them, or convert the "
            "column."
        )
    return warnings

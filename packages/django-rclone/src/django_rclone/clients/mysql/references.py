"""What views and defaults use of other schemas, as the server shows them.

In a scratch schema next to the live one, a name of the live schema that was left in a text
would be found, and elsewhere it would not.
"""

import re
from collections.abc import Collection, Iterator

from .connection import MysqlSession, quote_name

_TEXT = r"'(?:[^'\\]|\\.|'')*'"
_NAME = r"`(?:[^`]|``)+`"
_PAIR = rf"({_NAME})\.({_NAME})"
_ALIAS = re.compile(rf"{_TEXT}|(?<=[`)]) ({_NAME})", re.DOTALL)
# The server names the schema of every table after FROM and JOIN, and those of sequences and
# of functions of other schemas.
_IN_VIEWS = re.compile(
    rf"{_TEXT}|(?:from|join) \(*{_PAIR}(?!\.)|(?:next|last|set)val\({_PAIR}|{_PAIR}\(",
    re.DOTALL,
)
_IN_DEFAULTS = re.compile(rf"{_TEXT}|{_PAIR}", re.DOTALL)

_VIEWS = """
SELECT table_name, view_definition FROM information_schema.views WHERE table_schema = %s
"""
DEFAULTS = """
SELECT table_name, column_name, column_default FROM information_schema.columns
WHERE table_schema = %s AND (locate('nextval(', column_default)
  OR locate('lastval(', column_default) OR locate('setval(', column_default))
ORDER BY table_name, ordinal_position
"""
"""Finds the defaults that call a sequence; they call nothing else."""


def used_by_views(session: MysqlSession, schema: str) -> Iterator[tuple[str, str, str]]:
    """Yield each view that uses something of another schema, with that and its name, quoted."""
    for view, text in session.rows(_VIEWS, [schema]):
        aliases = {match[1] for match in _ALIAS.finditer(text)}
        for first, second in _pairs(_IN_VIEWS, text):
            if first != quote_name(schema) and first not in aliases:
                yield view, first, second


def used_by_defaults(
    session: MysqlSession, schema: str, excluded: Collection[str]
) -> Iterator[tuple[str, str, str]]:
    """Yield each column whose default calls a sequence of another schema, as for views."""
    for table, column, default in session.rows(DEFAULTS, [schema]):
        for first, second in _pairs(_IN_DEFAULTS, default):
            if first != quote_name(schema) and table not in excluded:
                yield f"{table}.{column}", first, second


def _pairs(pattern: re.Pattern[str], text: str) -> Iterator[tuple[str, str]]:
    for match in pattern.finditer(text):
        names = [name for name in match.groups() if name]
        if names:
            yield names[0], names[1]

"""Whether a role may create a schema, according to ``SHOW GRANTS``.

https://mariadb.com/kb/en/show-grants/: the answer is a list of GRANT statements,
of the role itself and of those it has enabled.
"""

import re

from .connection import MysqlSession

_GRANT = re.compile(r"GRANT (?P<rights>.+?) ON (?P<schema>\*|`(?:[^`]|``)+`)\.\* TO ")
_NEEDED = {"CREATE", "DROP", "ALTER", "INSERT", "SELECT"}


def may_create_schema(session: MysqlSession, name: str) -> bool:
    """Return whether the role may create, fill and drop the schema ``name``."""
    rights: set[str] = set()
    for (line,) in session.rows("SHOW GRANTS"):
        match = _GRANT.match(line)
        if match and _covers(match["schema"], name):
            rights |= {right.strip() for right in match["rights"].split(",")}
    return "ALL PRIVILEGES" in rights or rights >= _NEEDED


def _covers(schema: str, name: str) -> bool:
    """Return whether the pattern of a grant, with ``%``, ``_`` and backslashes, covers a name."""
    if schema == "*":
        return True
    pattern = ""
    characters = iter(schema[1:-1].replace("``", "`"))
    for character in characters:
        if character == "\\":
            pattern += re.escape(next(characters, "\\"))
        else:
            pattern += {"%": ".*", "_": "."}.get(character, re.escape(character))
    return re.fullmatch(pattern, name, re.DOTALL) is not None

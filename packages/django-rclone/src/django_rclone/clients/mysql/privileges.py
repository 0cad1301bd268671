"""What a role may do and see, according to ``SHOW GRANTS`` and the limits of its sessions.

https://mariadb.com/kb/en/show-grants/: the answer is a list of GRANT statements,
of the role itself and of those it has enabled.
"""

import re

from ...exceptions import ClientError
from .connection import MysqlSession
from .session_settings import UNLIMITED

_GRANT = re.compile(r"GRANT (?P<rights>.+?) ON (?P<schema>\*|`(?:[^`]|``)+`)\.\* TO ")
_CREATE = {"CREATE", "DROP", "ALTER", "INSERT", "SELECT"}
_DEFINERS = {"SUPER", "SET USER", "SET_USER_ID", "SET_ANY_DEFINER"}
_ALL = "ALL PRIVILEGES"

_SEE = ("SELECT", "SHOW VIEW", "TRIGGER", "EVENT")
_SEE_ROUTINES = ("EXECUTE", "CREATE ROUTINE", "ALTER ROUTINE")


def may_create_schema(session: MysqlSession, name: str) -> bool:
    """Return whether the role may create, fill and drop the schema ``name``."""
    rights = rights_on(session, name)
    return _ALL in rights or rights >= _CREATE


def may_set_definers(session: MysqlSession) -> bool:
    """Return whether the role may make objects of other definers."""
    rights = rights_on(session, None)
    return _ALL in rights or bool(rights & _DEFINERS)


def rights_to_see(session: MysqlSession, name: str) -> list[str]:
    """Return the rights that the role lacks to see everything in the schema ``name``."""
    rights = rights_on(session, name)
    if _ALL in rights:
        return []
    lacking = [right for right in _SEE if right not in rights]
    return lacking if rights.intersection(_SEE_ROUTINES) else [*lacking, _SEE_ROUTINES[0]]


def rights_on(session: MysqlSession, name: str | None) -> set[str]:
    """Return the rights of the role on a schema, or those that it has on all of them."""
    rights: set[str] = set()
    for (line,) in session.rows("SHOW GRANTS"):
        match = _GRANT.match(line)
        if match and (match["schema"] == "*" if name is None else _covers(match["schema"], name)):
            rights |= {right.strip() for right in match["rights"].split(",")}
    return rights


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


def require_all_rows(session: MysqlSession) -> None:
    """Raise ``ClientError`` if the server lets a dump tool of this role see some rows alone."""
    if session.row_limit < UNLIMITED:
        raise ClientError(
            f"The server ends every query of this role after {session.row_limit:,} rows, so a dump "
            "would lack the others.",
            hint="Let sql_select_limit have its default, on the server and in its init_connect.",
        )

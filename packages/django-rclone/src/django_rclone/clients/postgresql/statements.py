"""Which statements of a script are run, skipped, allowed to fail, or refused."""

import re
from dataclasses import dataclass

from .kinds import OBJECT_KINDS
from .script import ScriptError, Statement

_NO_SUCH_ROLE, _NO_PRIVILEGE, _BAD_VALUE = "42704", "42501", "22023"
_EXISTS = ("42710", "42723", "42P06", "42P07")  # an object, function, schema, relation

_TRANSACTION = re.compile(
    rb"(BEGIN|START|COMMIT|END|ROLLBACK|ABORT|SAVEPOINT|RELEASE|PREPARE\s+TRANSACTION)\b", re.I
)
_SET = re.compile(rb"SET (\w+) = ")
_SEARCH_PATH = re.compile(rb"SELECT pg_catalog\.set_config\('search_path', '', false\);\Z")
_OWNER = re.compile(rb"ALTER\s.*\sOWNER TO (?:[\w$\x80-\xff]+|\"(?:[^\"]|\"\")+\");\Z", re.DOTALL)
_SCHEMA = re.compile(rb'CREATE SCHEMA (?:"((?:[^"]|"")+)"|([\w$\x80-\xff]+));\Z')

_OURS = frozenset(
    {
        *("lock_timeout", "statement_timeout", "transaction_timeout", "search_path"),
        *("idle_in_transaction_session_timeout", "idle_session_timeout"),
    }
)
"""The settings of a restore's session, which a script would set otherwise."""

# What is missing afterwards is found by comparing with the inventory of the backup.
_IGNORABLE = {
    "ACL": (_NO_SUCH_ROLE, _NO_PRIVILEGE, _BAD_VALUE),
    "DEFAULT ACL": (_NO_SUCH_ROLE, _NO_PRIVILEGE, _BAD_VALUE),
    "COMMENT": (_NO_PRIVILEGE,),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementPolicy:
    """Decides about statements, given facts about the live database."""

    settings: frozenset[str]
    """The settings that the server has."""
    schemas: frozenset[str]
    """The schemas that were not dropped."""
    kept_kinds: frozenset[str]
    """The kinds of objects of which some were not dropped."""

    def skips(self, statement: Statement) -> bool:
        """Return whether a statement is skipped. Raises ``ScriptError`` if it is refused."""
        text = statement.text
        if text in (b"BEGIN;", b"COMMIT;") or _SEARCH_PATH.match(text):
            return True  # The restore has a transaction and a search path already.
        if _TRANSACTION.match(text):
            raise ScriptError("The dump tries to control the transaction of the restore.")
        if text.startswith(b"SET standard_conforming_strings = off"):
            raise ScriptError("The dump was made with standard_conforming_strings off.")
        if setting := _SET.match(text):
            # A newer pg_restore also sets what this server does not have.
            name = setting[1].decode()
            return name not in self.settings or name in _OURS
        # Only SQL text of other tools has these: what `pg_dump --clean` puts before the first
        # entry makes room, which is made; and everything belongs to the role that restores.
        if not statement.entry.type or _OWNER.match(text):
            return True
        if created := _SCHEMA.match(text):
            name = created[1].replace(b'""', b'"') if created[1] else created[2]
            return name.decode() in self.schemas
        return False

    def ignorable_errors(self, statement: Statement) -> tuple[str, ...]:
        """Return the codes of the errors that are ignored for a statement."""
        if statement.text.startswith(b"SET default_tablespace"):
            return (_BAD_VALUE,)
        entry = statement.entry.type
        if any(entry in kind.entry_types for kind in OBJECT_KINDS if kind.name in self.kept_kinds):
            return (*_EXISTS, _NO_PRIVILEGE)
        return _IGNORABLE.get(entry, ())

"""Which statements of a script are run, skipped, allowed to fail, or refused."""

import re
from dataclasses import dataclass

from .script import ScriptError

_NO_SUCH_ROLE, _NO_PRIVILEGE, _EXISTS, _BAD_VALUE = "42704", "42501", "42710", "22023"

_TRANSACTION = re.compile(
    rb"(BEGIN|START|COMMIT|END|ROLLBACK|ABORT|SAVEPOINT|RELEASE|PREPARE\s+TRANSACTION)\b", re.I
)
_SET = re.compile(rb"SET (\w+) = ")
_SCHEMA = re.compile(rb'CREATE SCHEMA (?:"((?:[^"]|"")+)"|([\w$\x80-\xff]+));\Z')

# Without these nothing is lost but privileges and comments, or the object exists already.
_IGNORABLE: tuple[tuple[re.Pattern[bytes], tuple[str, ...]], ...] = (
    (re.compile(rb"COMMENT ON EXTENSION\b"), (_NO_PRIVILEGE,)),
    (
        re.compile(rb"(GRANT|REVOKE|ALTER DEFAULT PRIVILEGES|SET SESSION AUTHORIZATION)\b"),
        (_NO_SUCH_ROLE, _NO_PRIVILEGE, _BAD_VALUE),
    ),
    (re.compile(rb"(COMMENT ON|ALTER) SCHEMA\b"), (_NO_PRIVILEGE,)),
    (re.compile(rb"SET default_tablespace\b"), (_BAD_VALUE,)),
)
_SUPERUSER_OBJECT = re.compile(rb"(CREATE|ALTER|COMMENT ON) (PUBLICATION|EVENT TRIGGER)\b")


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementPolicy:
    """Decides about statements, given facts about the live database."""

    settings: frozenset[str]
    """The settings that a script may change: the server has them."""
    schemas: frozenset[str]
    """The schemas that were not dropped."""
    keeps_superuser_objects: bool
    """Whether there still are publications or event triggers, which belong to superusers."""

    def skips(self, text: bytes) -> bool:
        """Return whether a statement is skipped. Raises ``ScriptError`` if it is refused."""
        if text in (b"BEGIN;", b"COMMIT;"):
            return True  # The restore has a transaction already.
        if _TRANSACTION.match(text):
            raise ScriptError("The dump tries to control the transaction of the restore.")
        if text.startswith(b"SET standard_conforming_strings = off"):
            raise ScriptError("The dump was made with standard_conforming_strings off.")
        if setting := _SET.match(text):
            # A newer pg_restore also sets what this server does not have.
            return setting[1].decode() not in self.settings
        if created := _SCHEMA.match(text):
            name = created[1].replace(b'""', b'"') if created[1] else created[2]
            return name.decode() in self.schemas
        return False

    def ignorable_errors(self, text: bytes) -> tuple[str, ...]:
        """Return the codes of the errors that are ignored for a statement."""
        if self.keeps_superuser_objects and _SUPERUSER_OBJECT.match(text):
            return (_EXISTS, _NO_PRIVILEGE)
        return next((codes for pattern, codes in _IGNORABLE if pattern.match(text)), ())

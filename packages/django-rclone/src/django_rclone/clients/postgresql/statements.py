"""Which statements of a script are run, left out, allowed to fail, or refused."""

import re
from dataclasses import dataclass

from .script import ScriptError

_NO_SUCH_ROLE, _NO_RIGHT, _EXISTS, _BAD_VALUE = "42704", "42501", "42710", "22023"

_TRANSACTION = re.compile(
    rb"(BEGIN|START|COMMIT|END|ROLLBACK|ABORT|SAVEPOINT|RELEASE|PREPARE\s+TRANSACTION)\b", re.I
)
_SET = re.compile(rb"SET (\w+) = ")
_SCHEMA = re.compile(rb'CREATE SCHEMA (?:"((?:[^"]|"")+)"|([\w$\x80-\xff]+));\Z')

# What may fail without a loss: it says who may use what, or is there already.
_TOLERATED: tuple[tuple[re.Pattern[bytes], tuple[str, ...]], ...] = (
    (re.compile(rb"COMMENT ON EXTENSION\b"), (_NO_RIGHT,)),
    (
        re.compile(rb"(GRANT|REVOKE|ALTER DEFAULT PRIVILEGES|SET SESSION AUTHORIZATION)\b"),
        (_NO_SUCH_ROLE, _NO_RIGHT, _BAD_VALUE),
    ),
    (re.compile(rb"(COMMENT ON|ALTER) SCHEMA\b"), (_NO_RIGHT,)),
    (re.compile(rb"SET default_tablespace\b"), (_BAD_VALUE,)),
)
_OF_SUPERUSERS = re.compile(rb"(CREATE|ALTER|COMMENT ON) (PUBLICATION|EVENT TRIGGER)\b")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What is known of the live database, and follows from it."""

    settings: frozenset[str] = frozenset()
    """The settings that the server knows."""
    schemas: frozenset[str] = frozenset()
    """The schemas that were not dropped."""
    superusers_own: bool = False
    """Whether publications or event triggers stay that are not ours."""

    def is_needless(self, text: bytes) -> bool:
        """Tell whether a statement is left out. Raises ``ScriptError`` for one that is refused."""
        if text in (b"BEGIN;", b"COMMIT;"):
            return True  # The transaction is ours.
        if _TRANSACTION.match(text):
            raise ScriptError("The dump wants to control the transaction of the restore.")
        if text.startswith(b"SET standard_conforming_strings = off"):
            raise ScriptError("The dump was made with standard_conforming_strings off.")
        if setting := _SET.match(text):
            # A newer pg_restore sets what this server does not have.
            return setting[1].decode() not in self.settings
        if made := _SCHEMA.match(text):
            name = made[1].replace(b'""', b'"') if made[1] else made[2]
            return name.decode() in self.schemas
        return False

    def tolerated(self, text: bytes) -> tuple[str, ...]:
        """Return the codes of errors that a statement may end in."""
        if self.superusers_own and _OF_SUPERUSERS.match(text):
            return (_EXISTS, _NO_RIGHT)
        return next((codes for what, codes in _TOLERATED if what.match(text)), ())

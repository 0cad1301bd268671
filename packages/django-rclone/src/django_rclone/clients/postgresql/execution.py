"""Runs statements within a transaction, in few requests, each with the search path it needs."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final

from ..session import ServerError
from .connection import PostgresqlSession, quote_name

# What a dump says in words of its own settings is read in the same.
_USUAL = {
    "array_nulls": "on",
    "datestyle": "ISO, MDY",
    "intervalstyle": "postgres",
    # If this process is killed, the server notices even within a long statement.
    "client_connection_check_interval": "2s",
}
_SET_PATH = "SELECT set_config('search_path', %(path)s, %(local)s)"
_SET = """
SELECT set_config(name, %(value)s, %(local)s) FROM pg_settings WHERE name = %(name)s
"""
_ABOUT = """
SELECT current_setting('search_path'), quote_ident(current_user), current_setting('client_encoding'),
    replace(current_setting('server_encoding'), 'SQL_ASCII', 'LATIN1')
"""
_UNDO = "ROLLBACK TO SAVEPOINT attempt; RELEASE SAVEPOINT attempt"

# https://www.postgresql.org/docs/current/errcodes-appendix.html
_LOST, _OUT_OF_RESOURCES, _OPERATOR = ("", "08"), "53", "57"
LOCKED = ("55P03", "40P01")
"""The codes of lock_not_available and deadlock_detected."""


def may_try_again(error: ServerError) -> bool:
    """Return whether an error is about the statement, which may do better in another way.

    Otherwise the session is lost or stopped, or there is no room or no lock for it.
    """
    hopeless = (*_LOST, _OUT_OF_RESOURCES, _OPERATOR)
    return error.code[:2] not in hopeless and error.code not in LOCKED


def path_in(site_path: str, schema: str) -> str:
    """Return the search path for what runs functions of the site, for an object of ``schema``."""
    # A site may choose the schema of a tenant for each request: its default is another then.
    return ", ".join(filter(None, (site_path, quote_name(schema))))


class Execution:
    """Runs statements in ``session``. All methods raise ``ServerError``.

    ``local`` settings end with the transaction. Without ``savepoints`` every request commits
    by itself.
    """

    def __init__(
        self, session: PostgresqlSession, *, local: bool = True, savepoints: bool = True
    ) -> None:
        self._session = session
        self.local: Final = local
        self._savepoints = savepoints
        self._path: str | None = None
        self._owner = "NONE"
        self._encoding = self._unconverted = ""
        self.is_other = False
        """Whether another role than the session's own runs what follows."""
        self.site_path = ""
        """The search path of the site."""

    def open(self, site_path: str | None) -> None:
        """Look at the session, before a transaction has begun; its search path is a default."""
        [(path, owner, self._encoding, self._unconverted)] = self._session.rows(_ABOUT)
        self.site_path = site_path or str(path)
        self._owner = str(owner)

    def set(self, name: str, value: str) -> None:
        """Make a setting, if the server has it."""
        self._session.rows(_SET, {"name": name, "value": value, "local": self.local})

    def adapted(self, setting: bytes) -> bytes:
        """Return a ``SET`` statement of a script as it has to be in this session."""
        if setting == b"SET client_encoding = 'SQL_ASCII';":
            # Text is not converted, but drivers do not read any without an encoding.
            setting = f"SET client_encoding = '{self._unconverted}';".encode()
        return b"SET LOCAL " + setting[4:] if self.local else setting

    def settle(self) -> None:
        """Let what follows be asked as when the backup was described."""
        self.set("client_encoding", self._encoding)
        self.use_path("")

    def set_usual(self) -> None:
        """Make the settings that every dump is read with."""
        for name, value in _USUAL.items():
            self.set(name, value)

    def run(self, text: bytes | str, *, path: str = "") -> None:
        """Run a text of one or more statements with the search path ``path``."""
        self.use_path(path)
        self._session.execute(text)

    def run_as_site(self, text: bytes, *, schema: str) -> None:
        """Run what runs functions of the site, with its search path, for an object of ``schema``."""
        self.run(text, path=path_in(self.site_path, schema))

    def copy(self, text: bytes, rows: Callable[[int], bytes], *, schema: str) -> int:
        """Load rows into a table of ``schema``, with the search path of the site.

        Returns how many there were.
        """
        self.use_path(path_in(self.site_path, schema))
        return self._session.copy(text, rows)

    def attempt(self, text: bytes | str, *, path: str = "") -> None:
        """Run a text in one request. If it fails, nothing of it stays."""
        self.use_path(path)
        if not self._savepoints:
            self._session.execute(text)
            return
        # An empty statement does no harm.
        begin, end = "SAVEPOINT attempt;\n", "\n;RELEASE SAVEPOINT attempt"
        try:
            if isinstance(text, bytes):
                self._session.execute(begin.encode() + text + end.encode())
            else:
                self._session.execute(f"{begin}{text}{end}")
        except ServerError:
            self._session.execute(_UNDO)
            raise

    def attempt_anyhow(self, text: bytes | str, *, schema: str) -> None:
        """Run what may run functions of the site: if it fails, with the search path of the site.

        It is about an object of ``schema``. Raises the first error.
        """
        try:
            self.attempt(text)
        except ServerError as error:
            if not may_try_again(error):
                raise
            try:
                self.attempt(text, path=path_in(self.site_path, schema))
            except ServerError:
                raise error from None

    def attempt_each(self, texts: Sequence[str]) -> None:
        """Run what may run functions of the site, with its search path, without what fails."""
        with suppress(ServerError):
            self.attempt(";\n".join(texts), path=self.site_path)
            return
        for text in texts:
            with suppress(ServerError):
                self.attempt(text, path=self.site_path)

    def attempt_granting(self, text: bytes | str) -> None:
        """Run a grant, as the role that granted, or as the owner if that one may not any more."""
        try:
            self.attempt(text)
        except ServerError:
            if not self.is_other:
                raise
            self.be_owner()
            self.attempt(text)

    def be_owner(self) -> None:
        """Let the role that the session began with run what follows."""
        self._session.execute(f"SET {'LOCAL ' * self.local}ROLE {self._owner}")
        self.is_other = False

    def be_other(self, role: bytes) -> None:
        """Let another role, given by its quoted name, run what follows."""
        self.attempt(b"SET " + b"LOCAL " * self.local + b"ROLE " + role)
        self.is_other = True

    def use_path(self, path: str) -> None:
        """Let what follows have a search path."""
        # Set outside of savepoints, it stays when they are undone.
        if path != self._path:
            self._session.rows(_SET_PATH, {"path": path, "local": self.local})
            self._path = path

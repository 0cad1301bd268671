"""How MySQL and MariaDB are reached: by a connection of our own, and by their programs.

Both through Django: the parameters that the wrapper would connect with, and its
``dbshell`` arguments. The password goes to programs by an option file in a pipe.
"""

import copy
from collections.abc import Sequence
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper

from ...processes import SECRET_FILE

_PASSWORDS = ("password", "passwd")
_NAMES = ("database", "db")


def tool_arguments(
    wrapper: BaseDatabaseWrapper, parameters: Sequence[str]
) -> tuple[tuple[str, ...], bytes]:
    """Return arguments that let a program reach the server, and the secret file they name.

    No database is among them, since its name could be taken for an option.
    """
    settings = copy.deepcopy(wrapper.settings_dict)
    options = settings["OPTIONS"]
    known = connection_parameters(wrapper)
    for name in (*_PASSWORDS, *_NAMES):
        options.pop(name, None)
    # The programs are told of UTF-8 by us; that of the site may be a smaller one.
    options.pop("charset", None)
    settings.update(NAME="", PASSWORD="")
    included = options.pop("read_default_file", None)
    arguments, _ = wrapper.client.settings_to_cmd_args_env(settings, list(parameters))
    secret = _option_file(known.get("password") or known.get("passwd") or "", included)
    return (f"--defaults-file={SECRET_FILE}", *map(str, arguments[1:])), secret


def connection_parameters(wrapper: BaseDatabaseWrapper) -> dict[str, Any]:
    """Return what Django would connect with."""
    parameters: dict[str, Any] = _private(wrapper).get_connection_params()
    return parameters


class Session:
    """A connection of our own, in autocommit. Raises ``error``, the driver's own.

    Names and texts in statements are as MySQL has them by default, whatever
    ``sql_mode`` the site prefers.
    """

    def __init__(self, wrapper: BaseDatabaseWrapper, **changes: object) -> None:
        private = _private(wrapper)
        self.error: type[Exception] = private.Database.Error
        parameters = {**private.get_connection_params(), **changes}
        parameters.pop("init_command", None)
        self._connection: Any = private.get_new_connection(parameters)
        self._connection.autocommit(True)
        self.execute("SET SESSION sql_mode = '', character_set_results = utf8mb4")
        self.execute("SET NAMES utf8mb4")

    def __enter__(self) -> "Session":
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def execute(self, statement: str, parameters: Sequence[object] | None = None) -> None:
        """Run a statement as it is, or with ``%s`` for parameters."""
        with self._connection.cursor() as cursor:
            cursor.execute(statement, parameters)

    def rows(self, query: str, parameters: Sequence[object] | None = None) -> list[tuple[Any, ...]]:
        """Return what a query finds."""
        with self._connection.cursor() as cursor:
            cursor.execute(query, parameters)
            return [tuple(map(_text, row)) for row in cursor.fetchall()]

    def value(self, query: str, parameters: Sequence[object] | None = None) -> Any:
        """Return the first value that a query finds, or ``None``."""
        found = self.rows(query, parameters)
        return found[0][0] if found else None

    @property
    def version(self) -> str:
        """What the server calls its version, such as ``"10.11.18-MariaDB-deb12"``."""
        return str(self.value("SELECT VERSION()"))

    @property
    def is_mariadb(self) -> bool:
        """Whether the server is MariaDB."""
        return "mariadb" in self.version.lower()

    def close(self) -> None:
        """Close it; locks are released."""
        self._connection.close()


def code_of(error: Exception) -> int:
    """Return the number of an error of either driver; 0 for none."""
    code = error.args[0] if error.args else 0
    return code if isinstance(code, int) else 0


def first_words(error: Exception) -> str:
    """Return what the server said, without values of rows."""
    said = str(error.args[1]) if len(error.args) > 1 else str(error)
    return said.strip().rstrip(".")


def quoted(name: str) -> str:
    """Return a name as SQL has it."""
    return "`" + name.replace("`", "``") + "`"


def _private(wrapper: BaseDatabaseWrapper) -> Any:
    private = wrapper.copy()
    private.settings_dict = copy.deepcopy(private.settings_dict)
    return private


def _text(value: object) -> object:
    """Return text for what the drivers return as bytes: what SHOW says, in UTF-8."""
    return value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else value


def _option_file(password: str, included: str | None) -> bytes:
    """Return an option file: https://mariadb.com/kb/en/configuring-mariadb-with-option-files/."""
    lines = [f"!include {included}"] if included else []
    if password:
        escaped = password
        for character, escape in (("\\", "\\\\"), ('"', '\\"'), ("\n", "\\n"), ("\r", "\\r")):
            escaped = escaped.replace(character, escape)
        lines += ["[client]", f'password="{escaped}"']
    return "".join(f"{line}\n" for line in lines or ["[client]"]).encode()

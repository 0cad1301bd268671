"""The programs of MariaDB and MySQL: finding them, their options, their commands."""

import copy
import re
from collections.abc import Sequence
from dataclasses import dataclass

from django.db.backends.base.base import BaseDatabaseWrapper

from ...exceptions import ClientError, ProcessError
from ...processes import SECRET_FILE, Command, Process
from ..tools import ProgramFinder, failure_describer, output_of, series
from .connection import connection_parameters
from .option_files import connecting_options

_PASSWORDS = ("password", "passwd")
_NAMES = ("database", "db")

DUMP = ("mariadb-dump", "mysqldump")
CLIENT = ("mariadb", "mysql")

COMMON = ("--default-character-set=utf8mb4", "--max-allowed-packet=1G")  # the most there is

# A dump may hold commands of the client, which run programs on this machine. Also, without
# the last option the client turns "\r\n" within names into "\n".
_HARMLESS = ("--sandbox", "--skip-system-command", "--binary-mode")

_VERSION = re.compile(r"(?:Distrib|Ver|from) (\d+\.\d+\.\d+)")
# "mariadb from 11.4.2-MariaDB, client 15.2", "mysql  Ver 15.1 Distrib 10.11.18-MariaDB"
_MARIADB_VERSION = re.compile(r"(\d+\.\d+\.\d+)-MariaDB")

# The server is not there, or not any more: https://mariadb.com/kb/en/mariadb-error-codes/
_LOST = re.compile(r"ERROR (2002|2003|2006|2013|2055|1053|1927)\b")

_HINTS = {
    "1044": "The role needs SELECT, SHOW VIEW, TRIGGER, EVENT and EXECUTE on the database.",
    "1045": "Correct USER and PASSWORD of this database.",
    "1153": "Raise max_allowed_packet of the server: a row of the backup is larger.",
    "2006": "The server ended the connection. If it is running, raise max_allowed_packet of it.",
    "2020": "Raise max_allowed_packet of the server: a row is larger.",
    "2013": "If the upload paused for longer than net_write_timeout of the server, raise that.",
    "1227": "The backup holds views, triggers, routines or events of another definer. Restore "
    "as that role, or as one that may SET USER.",
    "1356": "A view refers to something that no longer exists or that its definer may not see. "
    "Correct it.",
}


@dataclass(frozen=True, slots=True)
class Tools:
    """Builds the commands that reach the server of a database, and finds their programs.

    ``mariadb`` says whether the server is MariaDB: its own programs are preferred.
    """

    wrapper: BaseDatabaseWrapper
    finder: ProgramFinder
    mariadb: bool

    def find(self, names: tuple[str, str]) -> str:
        """Return the path of a program. Raises ``ExecutableNotFound``."""
        package = "mariadb-client" if self.mariadb else "mysql-client"
        return self.finder.find(
            *(names if self.mariadb else names[::-1]),
            install=f"Install them (Debian, Ubuntu: `apt install {package}`)",
        )

    def version(self, names: tuple[str, str]) -> str:
        """Return a program's version as it prints it, such as ``"10.11.18-MariaDB"``."""
        printed = self._output(names, "--version")
        if found := _MARIADB_VERSION.search(printed):
            return f"{found[1]}-MariaDB"
        found = _VERSION.search(printed)
        return found[1] if found else ""

    def supported(self, names: tuple[str, str], wanted: Sequence[str]) -> list[str]:
        """Return those of the options that the program knows."""
        help_text = self._output(names, "--help")
        return [option for option in wanted if _is_known(option, help_text)]

    def command(self, names: tuple[str, str], *parameters: str) -> Command:
        """Return the command that runs a program on the server."""
        arguments, secret = program_arguments(self.wrapper, parameters)
        return Command(argv=(self.find(names), *arguments), secret=secret)

    def loader(self, schema: str, settings: str, *options: str) -> Process:
        """Return the vendor's client, not started yet, that loads a script into a schema.

        ``settings`` are those of its session, as a list for ``SET SESSION``.
        """
        wanted = (*_HARMLESS, f"--init-command=SET SESSION {settings}")
        options = (*self.supported(CLIENT, wanted), "--batch", *COMMON, *options)
        command = self.command(CLIENT, *options, f"--database={schema}")
        return Process(command, failure=describe_tool_failure)

    def _output(self, names: tuple[str, str], option: str) -> str:
        # Defaults files may hold options that this program does not know.
        return output_of(self.find(names), "--no-defaults", option)


def is_mariadb(version: str) -> bool:
    """Return whether a version is one of MariaDB."""
    return "mariadb" in version.lower()


def require_same_family(dumped_from: str, server: str) -> None:
    """Raise ``ClientError`` unless a server takes dumps of a server of another version."""
    versions = f"The backup is of {_described(dumped_from)}, this server is {_described(server)}"
    if is_mariadb(dumped_from) != is_mariadb(server):
        raise ClientError(f"{versions}: their dumps are not interchangeable.")
    if series(server) < series(dumped_from):
        raise ClientError(
            f"{versions}: an older server may not be able to read the dump of a newer one.",
            hint="Restore to a server of the same version or a newer one.",
        )


def _described(version: str) -> str:
    return f"{'MariaDB' if is_mariadb(version) else 'MySQL'} {version}"


def _error_lines(tail: Sequence[str]) -> Sequence[str]:
    """Return the lines about errors, without rows: the client repeats a failing statement."""
    shown = [_without_rows(line) for line in tail if _is_about_errors(line)]
    return shown or tail[:3]


_describe = failure_describer(_HINTS, _error_lines)


def describe_tool_failure(command: Command, returncode: int, tail: Sequence[str]) -> ProcessError:
    """Return the error of a program: its words about errors, and no rows."""
    error = _describe(command, returncode, tail)
    error.transient = _LOST.search(error.message) is not None
    return error


def _is_about_errors(line: str) -> bool:
    return bool(re.match(r"(ERROR|.*: (Got error|Error|Couldn't|unknown))", line))


def _without_rows(line: str) -> str:
    return re.sub(r"(entry|value:?) '.*'( for )", r"\1\2", line)


def _is_known(option: str, help_text: str) -> bool:
    name = re.sub(r"^--(skip-)?", "", option).partition("=")[0]
    return re.search(rf"--(\[no-\])?{re.escape(name)}\b", help_text) is not None


def program_arguments(
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
    # The programs always use UTF-8; the site's may be a smaller one.
    options.pop("charset", None)
    settings.update(NAME="", PASSWORD="")
    included = options.pop("read_default_file", None)
    arguments, _ = wrapper.client.settings_to_cmd_args_env(settings, list(parameters))
    secret = _option_file(known.get("password") or known.get("passwd") or "", included)
    return (f"--defaults-file={SECRET_FILE}", *map(str, arguments[1:])), secret


def _option_file(password: str, included: str | None) -> bytes:
    """Return an option file: https://mariadb.com/kb/en/configuring-mariadb-with-option-files/."""
    # Groups of the programs themselves change what is dumped.
    own = connecting_options(included) if included else ""
    lines = []
    if password:
        escaped = password
        for character, escape in (("\\", "\\\\"), ('"', '\\"'), ("\n", "\\n"), ("\r", "\\r")):
            escaped = escaped.replace(character, escape)
        lines += ["[client]", f'password="{escaped}"']
    text = own + "".join(f"{line}\n" for line in lines or ["[client]"])
    return text.encode("utf-8", "surrogateescape")

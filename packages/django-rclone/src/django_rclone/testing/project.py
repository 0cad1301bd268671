"""The project under test, with one database and one remote more for as long as a test lasts."""

import json
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from io import StringIO
from pathlib import Path
from typing import Any

from django.core.management import call_command
from django.db import connections
from django.test import override_settings

from ..processes import Command

ALIAS = "client_suite"
"""The alias of the database."""

_SETTINGS = """\
from {base} import *

DATABASES = {{**DATABASES, {alias!r}: {database!r}}}
DJANGO_RCLONE = {rclone!r}
{extra}
"""


class Project:
    """Runs management commands: by ``call()`` here, by ``command()`` in a process of their own."""

    def __init__(self, folder: Path, database: dict[str, Any], rclone: dict[str, Any]) -> None:
        """``folder`` is for files of its own; the others are settings, and may change later."""
        self.database = database
        self.rclone = rclone
        self.extra_settings = ""
        self._folder = folder

    @contextmanager
    def active(self) -> Iterator[None]:
        """Let the project have the database."""
        connections.settings[ALIAS] = dict(self.database)
        connections.configure_settings(connections.settings)
        try:
            yield
        finally:
            with suppress(AttributeError):  # nobody has connected
                connections[ALIAS].close()
                del connections[ALIAS]
            del connections.settings[ALIAS]

    def call(self, command: str, *arguments: str) -> str:
        """Run a management command on the database, and return what it printed."""
        out = StringIO()
        with override_settings(DJANGO_RCLONE=self.rclone):
            call_command(command, *arguments, f"--database={ALIAS}", stdout=out, stderr=StringIO())
        return out.getvalue()

    def backups(self) -> list[dict[str, Any]]:
        """Return what ``listbackups`` says of the database, newest first."""
        found: list[dict[str, Any]] = json.loads(self.call("listbackups", "--json"))
        return found

    def command(self, command: str, *arguments: str, env: Mapping[str, str]) -> Command:
        """Return how to run a management command in a process of its own."""
        text = _SETTINGS.format(
            base=os.environ["DJANGO_SETTINGS_MODULE"],
            alias=ALIAS,
            database=self.database,
            rclone=self.rclone,
            extra=self.extra_settings,
        )
        (self._folder / "client_suite_settings.py").write_text(text)
        paths = [str(self._folder), *(path or str(Path.cwd()) for path in sys.path)]
        return Command(
            argv=(sys.executable, "-m", "django", command, *arguments, f"--database={ALIAS}"),
            env={
                "DJANGO_SETTINGS_MODULE": "client_suite_settings",
                "PYTHONPATH": os.pathsep.join(paths),
                **env,
            },
        )

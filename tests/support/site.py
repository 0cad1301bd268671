"""A Django site to back up: databases, media files and a remote in a folder of its own."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from copy import deepcopy
from io import StringIO
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from django.core.management import call_command
from django.db import connections
from django.test import override_settings

from django_rclone.rclone.sockets import Connection

from .databases import Database, SqliteDatabase
from .inheritance import started_by

REPOSITORY = Path(__file__).resolve().parents[2]
RCLONE = Path(sys.executable).with_name("rclone")

_SETTINGS = """\
from tests.settings import *

DATABASES = {databases!r}
DJANGO_RCLONE = {rclone!r}
MEDIA_ROOT = {media!r}
{extra}
"""


class DjangoSite:
    """A site whose settings are those of this process for as long as ``active()`` lasts.

    ``call()`` runs a command in this process, ``manage()`` in one of its own.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.remote = folder / "remote"
        self.media = folder / "media"
        self.databases: dict[str, dict[str, Any]] = {}
        self.rclone: dict[str, Any] = {
            "REMOTE": str(self.remote),
            "MEDIA_CACHE_DIR": str(folder / "cache"),
            # Every restore would make one; tests/integration/commands/test_safety.py is about it.
            "SAFETY_BACKUP": None,
        }
        self.extra_settings = ""
        self.parent = ""
        """Python that runs before ``manage.py`` in its process, which inherits what it leaves."""
        self._in_use: object = None
        self.remote.mkdir()
        self.media.mkdir()
        self.database: Any = self.add_database("default")

    def add_database(
        self, alias: str, *, name: str | None = None, **settings: Any
    ) -> SqliteDatabase:
        """Add a file of SQLite with a table and some rows."""
        database = SqliteDatabase(self.folder / (name or f"{alias}.sqlite3"), **settings)
        database.add_entries(alias)
        self.databases[alias] = database.settings
        return database

    def use(self, database: Database) -> None:
        """Let a database be the default one, and the only one with options for its client."""
        self.database = database
        self.databases["default"] = database.settings
        self.rclone["CLIENTS"] = {"default": {"OPTIONS": database.options}}

    @contextmanager
    def active(self) -> Iterator[None]:
        """Make these settings those of the process."""
        before = dict(connections.settings)
        self._use(self.databases)
        try:
            with override_settings(MEDIA_ROOT=str(self.media)):
                yield
        finally:
            self._use(before)

    def call(self, command: str, *arguments: str, **options: Any) -> str:
        """Run a management command here, and return what it printed."""
        self._use(self.databases)
        out = StringIO()
        with override_settings(DJANGO_RCLONE=self.rclone):
            call_command(command, *arguments, stdout=out, **options)
        return out.getvalue()

    def backups(self, *arguments: str) -> list[dict[str, Any]]:
        """Return what ``listbackups`` says, newest first."""
        listed: list[dict[str, Any]] = json.loads(self.call("listbackups", "--json", *arguments))
        return listed

    def back_up(self, *arguments: str) -> Path:
        """Back up the default database and return the stored file."""
        before = set(self.stored())
        self.call("dbbackup", *arguments)
        (new,) = [p for p in self.stored() if p not in before and p.suffix != ".json"]
        return new

    def restore(self, *arguments: str) -> str:
        """Restore the default database, and return what was printed."""
        return self.call("dbrestore", "--noinput", *arguments)

    def dump(self) -> Path:
        """Return the one dump that is stored."""
        (dump,) = [path for path in self.stored() if path.suffix != ".json"]
        return dump

    def stored(self, folder: str = "db") -> list[Path]:
        """Return the files in a folder of the remote."""
        return sorted(path for path in (self.remote / folder).rglob("*") if path.is_file())

    def manage(
        self, *arguments: str, env: Mapping[str, str] | None = None, **options: Any
    ) -> subprocess.CompletedProcess[str]:
        """Run ``manage.py`` to its end, in a process of its own."""
        return run_to_end(self.argv(*arguments), self.environ(env), self.folder, **options)

    def start(self, *arguments: str, env: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
        """Start ``manage.py`` in a process of its own."""
        return subprocess.Popen(
            self.argv(*arguments),
            env=self.environ(env),
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def argv(self, *arguments: str) -> list[str]:
        """Return the command line of a management command."""
        command = [sys.executable, "-m", "django", *arguments]
        return started_by(self.parent, command) if self.parent else command

    def environ(self, env: Mapping[str, str] | None = None) -> dict[str, str]:
        """Write the settings where such a process finds them, and return its environment."""
        text = _SETTINGS.format(
            databases=self.databases,
            rclone=self.rclone,
            media=str(self.media),
            extra=self.extra_settings,
        )
        (self.folder / "site_settings.py").write_text(text)
        path = [str(self.folder), str(REPOSITORY)]
        # Containers often set it, and what is written at the end alone would not show.
        inherited = {k: value for k, value in os.environ.items() if k != "PYTHONUNBUFFERED"}
        return {
            **inherited,
            "DJANGO_SETTINGS_MODULE": "site_settings",
            "PYTHONPATH": os.pathsep.join(path),
            "XDG_CACHE_HOME": str(self.folder / "cache of the user"),
            **(env or {}),
        }

    def write_media(self, files: Mapping[str, bytes]) -> None:
        """Write media files."""
        for name, content in files.items():
            path = self.media / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)

    def fake_rclone(self, calls: str, body: str) -> None:
        """Let a script answer ``calls``, patterns of the shell; see ``tests.support.fake_rclone``."""
        self.rclone["RCLONE_BINARY"] = str(fake_rclone(self.folder, calls, body))

    def fake_program(
        self, name: str, body: str | None, answers: Mapping[str, str] | None = None
    ) -> None:
        """Let a script stand in for a program of the database; ``$REAL`` is the real one.

        Without a ``body`` the program is missing. Asked for ``--version`` or ``--help``, the
        real one answers, unless ``answers`` has another text.
        """
        folder = self.folder / "fake tools"
        folder.mkdir(exist_ok=True)
        for program in (self.database.dump_program, self.database.restore_program):
            script, real = folder / program, self.database.tools / program
            script.unlink(missing_ok=True)
            if program != name:
                script.symlink_to(real)
            elif body is not None:
                fixed = (f"*{q}*) echo '{text}'; exit;;" for q, text in (answers or {}).items())
                cases = [*fixed, '*--version*|*--help*) exec "$REAL" "$@";;']
                text = f"#!/bin/sh\nREAL='{real}'\ncase \"$*\" in\n{chr(10).join(cases)}\nesac\n"
                script.write_text(f"{text}{body}\n")
                script.chmod(0o755)
        self.database.options["tools_folder"] = str(folder)

    def _use(self, databases: Mapping[str, dict[str, Any]]) -> None:
        if self._in_use == databases:
            return
        self._in_use = deepcopy(dict(databases))
        connections.close_all()
        for alias in list(connections.settings):
            with suppress(AttributeError):  # not connected to yet
                del connections[alias]
        connections.settings.clear()
        connections.settings.update({alias: dict(one) for alias, one in databases.items()})
        connections.configure_settings(connections.settings)


def run_to_end(
    argv: Sequence[str], env: Mapping[str, str], folder: Path, **options: Any
) -> subprocess.CompletedProcess[str]:
    """Run a program without a terminal to its end, and return what it printed."""
    return subprocess.run(
        argv,
        env=env,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
        stdin=subprocess.DEVNULL,
        **options,
    )


def fake_rclone(folder: Path, calls: str, body: str) -> Path:
    """Return an rclone in which a script answers ``calls``; see ``tests.support.fake_rclone``."""
    script = folder / "FakeRclone"
    settings = folder / "FakeRclone.json"
    settings.write_text(json.dumps({"real": str(RCLONE), "calls": calls, "body": body}))
    program = Path(__file__).with_name("fake_rclone.py")
    script.write_text(f'#!/bin/sh\nexec {sys.executable} -E -S {program} {settings} "$@"\n')
    script.chmod(0o755)
    return script


def record_programs(patch: pytest.MonkeyPatch) -> list[list[str]]:
    """Return a list that gets the arguments of every program started from now on."""
    started: list[list[str]] = []
    original = subprocess.Popen

    class RecordingPopen(original):  # type: ignore[misc, valid-type]
        def __init__(self, argv: Sequence[bytes], *args: object, **kwargs: object) -> None:
            started.append([os.fsdecode(argument) for argument in argv])
            super().__init__(argv, *args, **kwargs)

    patch.setattr("subprocess.Popen", RecordingPopen)
    return started


def record_requests(patch: pytest.MonkeyPatch) -> list[str]:
    """Return a list that gets each request to the one rclone from now on."""
    asked: list[str] = []
    original = Connection.putrequest

    def put(connection: Connection, method: str, url: str, **options: bool) -> None:
        asked.append(unquote(url))
        original(connection, method, url, **options)

    patch.setattr(Connection, "putrequest", put)
    return asked


def snapshot(folder: Path) -> dict[str, bytes]:
    """Return every file below a folder with its content."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }

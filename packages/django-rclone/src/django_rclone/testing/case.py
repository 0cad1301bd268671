"""A database, a remote and a project for every test of a client."""

import shlex
import sys
import tempfile
import unittest
from abc import abstractmethod
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from django.core.management.base import CommandError
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.test import override_settings

from .. import conf, rclone
from ..clients import get_client
from ..clients.base import DatabaseClient
from ..events import OperationEvent, State, TargetState
from ..exceptions import DjangoRcloneError
from ..rclone.binary import find_rclone
from ..signals import operation_changed
from . import broken_rclone
from .equality import hash_rows
from .project import ALIAS, Project
from .remotes import FolderRemote, Remote

if TYPE_CHECKING:
    _TestCase = unittest.TestCase
else:
    # Test runners collect every TestCase that they find, this one where it is imported.
    _TestCase = object


class ClientCase(_TestCase):
    """What the tests of one client on one remote have at hand.

    Every test has a database, a remote and a folder of its own, and runs the real
    commands. The methods that raise ``NotImplementedError`` here are to be written;
    those below them may be.
    """

    client: ClassVar[str | None] = None
    """The dotted path of the client, if it is not the built-in one of the database."""
    remote_class: ClassVar[type[Remote]] = FolderRemote
    """Where backups go. A client passes on each of the three."""
    kills: ClassVar[int] = 2
    """How many times each program of a backup and of a restore is killed, at random moments."""

    @abstractmethod
    def create_database(self, folder: Path) -> dict[str, Any]:
        """Create an empty database and return its entry of ``DATABASES``.

        ``folder`` is the test's own. Remove what is elsewhere by ``self.addCleanup()``.
        """
        raise NotImplementedError

    @abstractmethod
    def populate(self) -> None:
        """Fill the database with some of everything that it can hold."""
        raise NotImplementedError

    @abstractmethod
    def mutate(self) -> None:
        """Change what ``populate()`` made: add, change and delete rows, tables and the rest."""
        raise NotImplementedError

    @abstractmethod
    def schema(self) -> str:
        """Return how everything but rows is made, at best as the vendor's own tool prints it."""
        raise NotImplementedError

    def vendor_dump(self) -> str:
        """Return the text of the vendor's own dump, schema and rows, if there is such a tool."""
        return ""

    def fingerprint(self) -> str:
        """Return what is equal for equal databases alone.

        The schema, a hash of all rows, and the vendor's own dump.
        """
        return f"{self.schema()}\n{hash_rows(self.connection)}\n{self.vendor_dump()}"

    def options(self) -> Mapping[str, Any]:
        """Return the client's ``OPTIONS``. Asked after ``create_database()``."""
        return {}

    def leftovers(self) -> Collection[str]:
        """Return what a killed run left next to the database: scratch databases, files."""
        return ()

    def wait_until_idle(self) -> None:
        """Wait until the server has noticed that a killed client is gone."""

    @property
    def connection(self) -> BaseDatabaseWrapper:
        """Django's connection to the database."""
        return connections[ALIAS]

    def setUp(self) -> None:
        super().setUp()
        folder = Path(self.enterContext(tempfile.TemporaryDirectory(prefix="django-rclone-suite-")))
        for name in ("database", "remote", "project"):
            (folder / name).mkdir()
        database = self.create_database(folder / "database")
        self.remote = self.enterContext(
            self.remote_class(folder / "remote", find_rclone(conf.load()))
        )
        chosen = {"BACKEND": self.client} if self.client else {}
        rclone = {
            **self.remote.settings,
            # What damages a dump must meet the client, not the compression.
            "COMPRESSION": None,
            # A restore is to be all that a restore does.
            "SAFETY_BACKUP": None,
            "CLIENTS": {ALIAS: {**chosen, "OPTIONS": dict(self.options())}},
        }
        self.project = Project(folder / "project", database, rclone)
        self.canary = folder / "canary"
        self.enterContext(self.project.active())
        self.enterContext(override_settings(DJANGO_RCLONE=rclone))
        self.populate()

    def back_up(self) -> None:
        """Run ``dbbackup``."""
        self.project.call("dbbackup")

    def restore(self, *arguments: str) -> None:
        """Run ``dbrestore --noinput``."""
        self.project.call("dbrestore", "--noinput", *arguments)

    def back_up_without_manifest(self) -> tuple[str, bytes]:
        """Back up, remove the manifest, and return the name of the dump and the dump."""
        self.back_up()
        [backup] = self.project.backups()
        storage = rclone.Remote(conf.load())
        storage.try_delete(f"{backup['path']}.json")
        return backup["path"], self.dump()

    def dump(self) -> bytes:
        """Return what the client dumps now."""
        with self.new_client() as client, client.dump(stall_timeout=None) as source:
            dump = b"".join(iter(lambda: source.read(65_536), b""))
            source.finish()
        return dump

    def store(self, path: str, content: bytes) -> None:
        """Put something in the place of a stored dump."""
        rclone.Remote(conf.load()).write(path, content)

    def new_client(self) -> DatabaseClient:
        """Return a client for one operation."""
        return get_client(ALIAS, conf.load())

    def require_refused(self, *arguments: str) -> None:
        """Fail unless a restore fails with a message, and says truthfully what it touched."""
        events: list[OperationEvent] = []

        def listen(event: OperationEvent, **_: object) -> None:
            events.append(event)

        operation_changed.connect(listen)
        try:
            with self.assertRaises((CommandError, DjangoRcloneError)):
                self.restore(*arguments)
        finally:
            operation_changed.disconnect(listen)
        failed = [event for event in events if event.state == State.FAILED]
        self.assertTrue(
            all(event.target_state == TargetState.UNCHANGED for event in failed), failed
        )

    def require_untouched(self, fingerprint: str) -> None:
        """Fail unless the database has this fingerprint, and there are no leftovers."""
        self.assertEqual(self.fingerprint(), fingerprint)
        self.assertEqual(list(self.leftovers()), [])

    @contextmanager
    def broken_rclone(self, what: str, how: str) -> Iterator[None]:
        """Let rclone break off amid a dump: see ``broken_rclone``. Needs a shell."""
        path = self.canary.with_name("BrokenRclone")
        words = [sys.executable, "-I", broken_rclone.__file__, find_rclone(conf.load()), what, how]
        path.write_text(f'#!/bin/sh\nexec {shlex.join(words)} "$@"\n')
        path.chmod(0o755)
        with override_settings(DJANGO_RCLONE={**self.project.rclone, "RCLONE_BINARY": str(path)}):
            before = self.project.rclone
            self.project.rclone = {**before, "RCLONE_BINARY": str(path)}
            try:
                yield
            finally:
                self.project.rclone = before

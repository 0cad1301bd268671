"""What every database client must do, as tests for any runner of ``unittest``."""

import random
import tempfile
import unittest
from abc import abstractmethod
from collections.abc import Collection, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from django.core.management.base import CommandError
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.test import override_settings

from .. import conf
from ..clients import get_client
from ..clients.base import DatabaseClient
from ..events import OperationEvent, State
from ..exceptions import DjangoRcloneError
from ..rclone import Rclone, find_rclone
from ..signals import operation_changed
from .equality import hash_rows
from .kills import PROCESSES, duration_of, run_and_kill
from .project import ALIAS, Project
from .remotes import FolderRemote, Remote

if TYPE_CHECKING:
    from collections.abc import Iterator

    _TestCase = unittest.TestCase
else:
    # Test runners collect every TestCase that they find, this one where it is imported.
    _TestCase = object

_COMMANDS = ("\\! touch {}\n", "system touch {}\n", ".shell touch {}\n", "\\connect {}\n")
"""Lines that make some client of some database run a program, or go elsewhere."""
_CUTS = (0.01, 0.5, 0.999)


class ClientSuite(_TestCase):
    """The tests of one client on one remote. Derive from this and from ``unittest.TestCase``.

    Every test has a database, a remote and a folder of its own, and runs the real
    commands. The methods that raise ``NotImplementedError`` here are to be written;
    those below them may be.
    """

    client: ClassVar[str | None] = None
    """The dotted path of the client, if it is not the built-in one of the database."""
    remote_class: ClassVar[type[Remote]] = FolderRemote
    """Where backups go. A client passes on each of the three."""
    kills: ClassVar[int] = 4
    """How many times backup and restore are killed, each at a random moment."""

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
    def diverge(self) -> None:
        """Change what ``populate()`` made: add, change and delete rows, tables and the rest."""
        raise NotImplementedError

    @abstractmethod
    def schema(self) -> str:
        """Return how everything but rows is made, at best as the vendor's own tool prints it."""
        raise NotImplementedError

    def fingerprint(self) -> str:
        """Return what is equal for equal databases alone: the schema, and a hash of all rows."""
        return f"{self.schema()}\n{hash_rows(self.connection)}"

    def options(self) -> Mapping[str, Any]:
        """Return the client's ``OPTIONS``. Asked after ``create_database()``."""
        return {}

    def leftovers(self) -> Collection[str]:
        """Return what lies beside the database and should not: scratch databases, files."""
        return ()

    def settle(self) -> None:
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
            "CLIENTS": {ALIAS: {**chosen, "OPTIONS": dict(self.options())}},
        }
        self.project = Project(folder / "project", database, rclone)
        self.proof = folder / "proof"
        self.enterContext(self.project.active())
        self.enterContext(override_settings(DJANGO_RCLONE=rclone))
        self.populate()

    # ------------------------------------------------------------ sound backups

    def test_a_backup_is_listed_as_verified_and_leaves_the_database_as_it_was(self) -> None:
        before = self.fingerprint()
        self.back_up()
        [backup] = self.project.backups()
        self.assertTrue(backup["verified"], backup["problem"])
        self.require_untouched(before)

    def test_a_diverged_database_equals_the_backup_after_a_restore(self) -> None:
        before = self.fingerprint()
        self.back_up()
        self.diverge()
        self.assertNotEqual(self.fingerprint(), before, "diverge() must make a difference")
        self.restore()
        self.require_untouched(before)

    def test_a_restored_database_can_be_backed_up_and_restored_again(self) -> None:
        before = self.fingerprint()
        self.back_up()
        self.diverge()
        self.restore()
        self.back_up()
        self.diverge()
        self.restore()
        self.require_untouched(before)

    def test_a_restore_of_an_unchanged_database_changes_nothing(self) -> None:
        before = self.fingerprint()
        self.back_up()
        self.restore()
        self.require_untouched(before)

    # ---------------------------------------------------------- damaged backups

    def test_what_is_damaged_on_the_remote_changes_nothing(self) -> None:
        self.back_up()
        self.diverge()
        live = self.fingerprint()
        for path in self.remote.files():
            whole = path.read_bytes()
            middle = len(whole) // 2
            flipped = whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :]
            for damaged in (flipped, whole[:-2], b""):
                path.write_bytes(damaged)
                self.require_refused()
                path.write_bytes(whole)
        self.require_untouched(live)

    def test_a_dump_cut_anywhere_changes_nothing_though_nothing_vouches_for_it(self) -> None:
        name, dump = self.back_up_unvouched()
        self.diverge()
        live = self.fingerprint()
        for place in _CUTS:
            self.store(name, dump[: int(len(dump) * place)])
            self.require_refused("--unverified", f"--input={name}")
        self.require_untouched(live)

    def test_commands_in_a_dump_run_nothing_though_nothing_vouches_for_it(self) -> None:
        name, dump = self.back_up_unvouched()
        self.diverge()
        live = self.fingerprint()
        commands = [line.format(self.proof).encode() for line in _COMMANDS]
        middle = dump.find(b"\n", len(dump) // 2) + 1
        amid = dump[:middle] + b"".join(commands) + dump[middle:]
        for evil in (*(command + dump for command in commands), amid):
            self.store(name, evil)
            self.require_refused("--unverified", f"--input={name}")
        self.assertFalse(self.proof.exists(), "a command in the dump was run")
        self.require_untouched(live)

    def test_a_download_that_breaks_off_changes_nothing(self) -> None:
        before = self.fingerprint()
        self.back_up()
        self.diverge()
        live = self.fingerprint()
        for end in ("exit 1", "kill -9 $$"):
            with self.broken_rclone("cat", f'"$REAL" "$@" | head -c 500; {end}'):
                self.require_refused()
        self.require_untouched(live)
        self.restore()
        self.require_untouched(before)

    def test_an_upload_that_breaks_off_is_no_backup(self) -> None:
        before = self.fingerprint()
        for end in ("exit 1", "kill -9 $$"):
            with (
                self.broken_rclone("rcat", f"head -c 500 >/dev/null; {end}"),
                self.assertRaises(CommandError),
            ):
                self.back_up()
        self.assertEqual(self.project.backups(), [])
        self.require_untouched(before)

    # ---------------------------------------------------------------- the client

    def test_a_restore_that_is_not_committed_leaves_no_trace(self) -> None:
        dump = self.dump()
        self.diverge()
        live = self.fingerprint()
        for part in (b"", dump[: len(dump) // 2], dump):
            with self.new_client().restore() as target:
                if part:
                    target.write(part)
            self.assertIs(target.changed, False)
        self.require_untouched(live)

    def test_an_error_within_a_restore_leaves_no_trace(self) -> None:
        dump = self.dump()
        self.diverge()
        live = self.fingerprint()
        with self.assertRaises(ZeroDivisionError), self.new_client().restore() as target:
            target.write(dump)
            raise ZeroDivisionError
        self.require_untouched(live)

    def test_a_dump_that_is_abandoned_leaves_no_trace(self) -> None:
        before = self.fingerprint()
        with self.new_client().dump() as source:
            source.read(10)
        self.require_untouched(before)

    def test_bytes_may_come_in_pieces_of_any_size(self) -> None:
        before = self.fingerprint()
        dump = self.dump()
        self.diverge()
        pieces = random.Random("pieces")
        with self.new_client().restore() as target:
            while dump:
                size = pieces.choice((1, 2, 7, 100, 65_536))
                target.write(dump[:size])
                dump = dump[size:]
            target.commit()
        self.assertIs(target.changed, True)
        self.require_untouched(before)

    def test_the_client_tells_what_it_is_and_no_secret(self) -> None:
        client = self.new_client()
        client.check_tools()
        client.check_dump()
        client.check_restore(None)
        versions = client.versions()
        self.assertTrue(versions.tool)
        self.assertTrue(versions.tool_version)
        self.assertTrue(client.vendor)
        self.assertRegex(client.format, r"\A[a-z0-9_.-]+\Z")
        self.assertRegex(client.extension, r"\A[a-z0-9]+(\.[a-z0-9]+)*\Z")
        self.assertTrue(client.describe_target())
        if password := self.project.database.get("PASSWORD"):
            self.assertNotIn(password, client.describe_target())
        self.assertFalse(client.partial, "without options nothing may be left out")

    # --------------------------------------------------------------------- kills

    @unittest.skipUnless(
        PROCESSES.joinpath("self/environ").exists(), "processes are found in /proc"
    )
    def test_a_killed_backup_is_no_backup_and_the_next_one_works(self) -> None:
        before = self.fingerprint()
        command = self.project.command("dbbackup", env={})
        duration = duration_of(command)
        chance = random.Random(self.id())
        for _ in range(self.kills):
            known = len(self.project.backups())
            failed = run_and_kill(command, after=chance.uniform(0, duration), which=chance)
            self.settle()
            backups = self.project.backups()
            self.assertTrue(all(backup["verified"] for backup in backups))
            if not failed:
                self.assertEqual(len(backups), known + 1)
        self.back_up()
        self.diverge()
        self.restore()
        self.require_untouched(before)

    @unittest.skipUnless(
        PROCESSES.joinpath("self/environ").exists(), "processes are found in /proc"
    )
    def test_a_killed_restore_leaves_the_old_or_the_new_database(self) -> None:
        new = self.fingerprint()
        self.back_up()
        command = self.project.command("dbrestore", "--noinput", env={})
        duration = duration_of(command)
        chance = random.Random(self.id())
        for _ in range(self.kills):
            if self.fingerprint() == new:
                self.diverge()
            old = self.fingerprint()
            failed = run_and_kill(command, after=chance.uniform(0, duration), which=chance)
            self.settle()
            self.assertIn(self.fingerprint(), (old, new) if failed else (new,))
        self.restore()
        self.require_untouched(new)

    # --------------------------------------------------------------------- tools

    def back_up(self) -> None:
        """Run ``dbbackup``."""
        self.project.call("dbbackup")

    def restore(self, *arguments: str) -> None:
        """Run ``dbrestore --noinput``."""
        self.project.call("dbrestore", "--noinput", *arguments)

    def back_up_unvouched(self) -> tuple[str, bytes]:
        """Back up, remove the manifest, and return the name of the dump and the dump."""
        self.back_up()
        [backup] = self.project.backups()
        rclone = Rclone(conf.load())
        rclone.discard(f"{backup['path']}.json")
        return backup["path"], self.dump()

    def dump(self) -> bytes:
        """Return what the client dumps now."""
        with self.new_client().dump() as source:
            dump = b"".join(iter(lambda: source.read(65_536), b""))
            source.finish()
        return dump

    def store(self, path: str, content: bytes) -> None:
        """Put something in the place of a stored dump."""
        Rclone(conf.load()).write(path, content)

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
        self.assertTrue(all(event.target_changed is False for event in failed), failed)

    def require_untouched(self, fingerprint: str) -> None:
        """Fail unless the database has this fingerprint, and nothing lies beside it."""
        self.assertEqual(self.fingerprint(), fingerprint)
        self.assertEqual(list(self.leftovers()), [])

    @contextmanager
    def broken_rclone(self, verb: str, body: str) -> "Iterator[None]":
        """Let rclone break when it moves a dump; ``$REAL`` is the real one. Needs a shell."""
        path = self.proof.with_name("BrokenRclone")
        real = find_rclone(conf.load())
        path.write_text(
            f'#!/bin/sh\nREAL="{real}"\n'
            f'case "$1 $*" in {verb}*.json*) ;; {verb}*) {body};; esac\nexec "$REAL" "$@"\n'
        )
        path.chmod(0o755)
        with override_settings(DJANGO_RCLONE={**self.project.rclone, "RCLONE_BINARY": str(path)}):
            before = self.project.rclone
            self.project.rclone = {**before, "RCLONE_BINARY": str(path)}
            try:
                yield
            finally:
                self.project.rclone = before

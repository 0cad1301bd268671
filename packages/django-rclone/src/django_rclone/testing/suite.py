"""What every database client must do, as tests for any runner of ``unittest``."""

import random

from django.core.management.base import CommandError

from ..exceptions import ClientError, ProcessError
from .broken_rclone import DOWNLOAD, UPLOAD
from .inventories import altered
from .kill_suite import KillSuite

_COMMANDS = ("\\! touch {}\n", "system touch {}\n", ".shell touch {}\n", "\\connect {}\n")
"""Lines that make some client of some database run a program, or go elsewhere."""
_CUTS = (0.01, 0.5, 0.999)


class ClientSuite(KillSuite):
    """The tests of one client on one remote. Derive from this and from ``unittest.TestCase``."""

    # ------------------------------------------------------------ sound backups

    def test_a_backup_is_listed_as_verified_and_leaves_the_database_as_it_was(self) -> None:
        before = self.fingerprint()
        self.back_up()
        [backup] = self.project.backups()
        self.assertTrue(backup["verified"], backup["problem"])
        self.require_untouched(before)

    def test_a_changed_database_equals_the_backup_after_a_restore(self) -> None:
        before = self.fingerprint()
        self.back_up()
        self.mutate()
        self.assertNotEqual(self.fingerprint(), before, "mutate() must make a difference")
        self.restore()
        self.require_untouched(before)

    def test_a_restored_database_can_be_backed_up_and_restored_again(self) -> None:
        before = self.fingerprint()
        self.back_up()
        self.mutate()
        self.restore()
        self.back_up()
        self.mutate()
        self.restore()
        self.require_untouched(before)

    def test_a_restore_of_an_unchanged_database_changes_nothing(self) -> None:
        before = self.fingerprint()
        self.back_up()
        self.restore()
        self.require_untouched(before)

    # ---------------------------------------------------------- damaged backups

    def test_a_damaged_backup_changes_nothing(self) -> None:
        self.back_up()
        self.mutate()
        live = self.fingerprint()
        for path in self.remote.files():
            whole = path.read_bytes()
            middle = len(whole) // 2
            flipped = whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :]
            for damaged in (flipped, whole[:-2], b""):
                self.remote.replace(path, damaged)
                self.require_refused()
                self.remote.replace(path, whole)
        self.require_untouched(live)

    def test_a_truncated_dump_without_a_manifest_changes_nothing(self) -> None:
        name, dump = self.back_up_without_manifest()
        self.mutate()
        live = self.fingerprint()
        for place in _CUTS:
            self.store(name, dump[: int(len(dump) * place)])
            self.require_refused("--unverified", f"--input={name}")
        self.require_untouched(live)

    def test_commands_in_a_dump_without_a_manifest_are_not_run(self) -> None:
        name, dump = self.back_up_without_manifest()
        self.mutate()
        live = self.fingerprint()
        commands = [line.format(self.canary).encode() for line in _COMMANDS]
        middle = dump.find(b"\n", len(dump) // 2) + 1
        amid = dump[:middle] + b"".join(commands) + dump[middle:]
        for evil in (*(command + dump for command in commands), amid):
            self.store(name, evil)
            self.require_refused("--unverified", f"--input={name}")
        self.assertFalse(self.canary.exists(), "a command in the dump was run")
        self.require_untouched(live)

    def test_an_interrupted_download_changes_nothing(self) -> None:
        before = self.fingerprint()
        self.back_up()
        self.mutate()
        live = self.fingerprint()
        for how in ("exit", "kill"):
            with self.broken_rclone(DOWNLOAD, how):
                self.require_refused()
        self.require_untouched(live)
        self.restore()
        self.require_untouched(before)

    def test_an_interrupted_upload_is_not_listed(self) -> None:
        before = self.fingerprint()
        for how in ("exit", "kill"):
            with (
                self.broken_rclone(UPLOAD, how),
                self.assertRaises(CommandError),
            ):
                self.back_up()
        self.assertEqual(self.project.backups(), [])
        self.require_untouched(before)

    # ---------------------------------------------------------------- the client

    def test_a_restore_that_is_not_finished_leaves_no_trace(self) -> None:
        dump = self.dump()
        self.mutate()
        live = self.fingerprint()
        for part in (b"", dump[: len(dump) // 2], dump):
            with self.new_client() as client, client.restore() as target:
                if part:
                    target.write(part)
        self.require_untouched(live)

    def test_a_rehearsal_leaves_no_trace(self) -> None:
        dump = self.dump()
        self.mutate()
        live = self.fingerprint()
        with self.new_client() as client, client.restore() as target:
            target.write(dump)
            target.finish()
        self.require_untouched(live)

    def test_a_rehearsal_fails_for_a_truncated_dump(self) -> None:
        dump = self.dump()
        self.mutate()
        live = self.fingerprint()
        with (
            self.assertRaises((ClientError, ProcessError)),
            self.new_client() as client,
            client.restore() as target,
        ):
            target.write(dump[: len(dump) // 2])
            target.finish()
        self.require_untouched(live)

    def test_what_differs_from_the_inventory_never_becomes_live(self) -> None:
        with self.new_client() as client, client.dump(stall_timeout=None) as source:
            dump = b"".join(iter(lambda: source.read(65_536), b""))
            source.finish()
            inventory = client.dump_inventory()
        if inventory is None:
            self.skipTest("the client has no inventory")
        self.mutate()
        live = self.fingerprint()
        for expected in altered(inventory):
            with (
                self.assertRaises(ClientError),
                self.new_client() as client,
                client.restore(expected) as target,
            ):
                target.write(dump)
                target.finish()
                target.swap()
            self.require_untouched(live)
        with self.new_client() as client, client.restore(inventory) as target:
            target.write(dump)
            target.finish()

    def test_an_error_within_a_restore_leaves_no_trace(self) -> None:
        dump = self.dump()
        self.mutate()
        live = self.fingerprint()
        with (
            self.assertRaises(ZeroDivisionError),
            self.new_client() as client,
            client.restore() as target,
        ):
            target.write(dump)
            raise ZeroDivisionError
        self.require_untouched(live)

    def test_a_dump_that_is_abandoned_leaves_no_trace(self) -> None:
        before = self.fingerprint()
        with self.new_client() as client, client.dump(stall_timeout=None) as source:
            source.read(10)
        self.require_untouched(before)

    def test_bytes_may_come_in_pieces_of_any_size(self) -> None:
        before = self.fingerprint()
        dump = self.dump()
        self.mutate()
        pieces = random.Random("pieces")
        with self.new_client() as client, client.restore() as target:
            while dump:
                size = pieces.choice((1, 2, 7, 100, 65_536))
                target.write(dump[:size])
                dump = dump[size:]
            target.finish()
            target.swap()
        self.require_untouched(before)

    def test_the_client_describes_itself_without_secrets(self) -> None:
        client = self.enterContext(self.new_client())
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

"""What must hold whichever program is killed, as tests for any runner of ``unittest``."""

import random
import unittest

from .case import ClientCase
from .kills import PROCESSES, Killer

_where_processes_are_found = unittest.skipUnless(
    PROCESSES.joinpath("self/environ").exists(), "processes are found in /proc"
)


class KillSuite(ClientCase):
    """Every program of a backup and of a restore is killed in turn, at random moments."""

    @_where_processes_are_found
    def test_a_killed_backup_is_not_listed_and_the_next_one_works(self) -> None:
        before = self.fingerprint()
        killer = Killer(self.project.command("dbbackup", env={}), random.Random(self.id()))
        for program in killer.turns(killer.programs * self.kills):
            known = len(self.project.backups())
            failed = killer.run(program)
            self.wait_until_idle()
            backups = self.project.backups()
            self.assertTrue(all(backup["verified"] for backup in backups))
            # Killed after its last word to the remote, a run has made a backup all the same.
            self.assertIn(len(backups) - known, (0, 1) if failed else (1,))
        self.back_up()
        self.mutate()
        self.restore()
        self.require_untouched(before)

    @_where_processes_are_found
    def test_a_killed_restore_leaves_the_old_or_the_new_database(self) -> None:
        new = self.fingerprint()
        self.back_up()
        killer = Killer(
            self.project.command("dbrestore", "--noinput", env={}), random.Random(self.id())
        )
        for program in killer.turns(killer.programs * self.kills):
            if self.fingerprint() == new:
                self.mutate()
            old = self.fingerprint()
            failed = killer.run(program)
            self.wait_until_idle()
            self.assertIn(self.fingerprint(), (old, new) if failed else (new,))
        self.restore()
        self.require_untouched(new)

"""How a test of kills is sure that it killed something."""

import random

import pytest

from django_rclone.processes import Command
from django_rclone.testing.kills import PROCESSES, Killer

pytestmark = pytest.mark.skipif(
    not PROCESSES.joinpath("self/environ").exists(), reason="processes are found in /proc"
)


def new_killer() -> Killer:
    """Return one of a program that runs long enough to be seen on a busy machine."""
    return Killer(Command(argv=("sleep", "1"), env={}), random.Random(0))


@pytest.mark.thorough
def test_programs_take_turns_until_one_was_killed_in_time() -> None:
    killer = new_killer()
    # Every kill is far too late, as after a first run on a busy machine.
    killer._seen["sleep"][-1] += 8
    taken = [killer.run(program) for program in killer.turns(killer.programs)]
    assert len(taken) > 1
    assert killer.killed.total() == 1


def test_what_cannot_be_killed_is_told() -> None:
    killer = new_killer()
    with pytest.raises(AssertionError, match="could be killed while it ran"):
        for _ in killer.turns(killer.programs):
            pass

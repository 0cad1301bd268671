"""A command for media files is killed at any moment: every run that is listed restores exactly."""

import random
import shutil
from collections.abc import Iterator
from itertools import cycle, islice
from pathlib import Path

import pytest

from django_rclone.processes import Command
from django_rclone.testing.kills import Killer
from tests.faults.endpoints import Served
from tests.support.kills import KILLS
from tests.support.media_remotes import REMOTES, stored_on
from tests.support.site import DjangoSite, snapshot

pytestmark = [pytest.mark.thorough, pytest.mark.timeout(0 if KILLS > 2 else 300)]

KEEP = 2
_FILES = 60

Files = dict[str, bytes]


class Killed:
    """A site whose commands are killed, and what its runs ought to hold."""

    def __init__(self, site: DjangoSite, chance: random.Random) -> None:
        self.site = site
        self.chance = chance
        self.files: Files = {}
        self.runs: dict[str, Files] = {}

    def change(self) -> None:
        """Write, edit, rename and delete files."""
        for name in self.chance.sample(sorted(self.files), len(self.files) // 8):
            content = self.files.pop(name)
            if self.chance.random() < 0.5:
                self.files[f"{name}.moved"] = content
        while len(self.files) < _FILES:
            folder = self.chance.choice(["", "a/", "a/b/", "é \n/"])
            size = self.chance.choice([0, 10, 5_000, 200_000])
            self.files[f"{folder}{self.chance.randrange(10**6)}"] = self.chance.randbytes(size)
        for name in self.chance.sample(sorted(self.files), 4):
            self.files[name] = self.chance.randbytes(len(self.files[name]))
        self.write()

    def write(self) -> None:
        """Make the media folder equal the files, but for those that are as they should be."""
        there = self.there()
        for name in there.keys() - self.files.keys():
            (self.site.media / name).unlink()
        self.site.write_media({n: data for n, data in self.files.items() if there.get(n) != data})

    def there(self) -> Files:
        """Return the media files, without what a killed restore had not put in place."""
        return {n: data for n, data in snapshot(self.site.media).items() if not n.startswith(".dj")}

    def killer(self, *arguments: str) -> tuple[Killer, Iterator[str]]:
        """Return what kills a command, and its programs, among which it is itself every other time."""
        command = Command(argv=tuple(self.site.argv(*arguments)), env=self.site.environ())
        killer = Killer(command, self.chance)
        itself, *others = sorted(killer.programs, key=lambda name: name.startswith("rclone"))
        turns = [name for other in others for name in (itself, other)]
        return killer, killer.turns(list(islice(cycle(turns), KILLS)))

    def adopt(self) -> None:
        """Take up the run that is new in the listing, if there is one."""
        listed = [run["name"] for run in self.site.backups("--media")]
        assert len(set(listed) - set(self.runs)) <= 1
        self.runs = {name: self.runs.get(name, dict(self.files)) for name in reversed(listed)}

    def judge(self) -> None:
        """Restore every run that is listed."""
        listed = self.site.backups("--media")
        assert [run["name"] for run in reversed(listed)] == list(self.runs)
        assert all(run["verified"] and run["whole"] for run in listed)
        folder = self.site.folder / "restored"
        for name, files in self.runs.items():
            self.site.call("mediarestore", "--noinput", "--at", name, "--to", str(folder))
            assert snapshot(folder) == files, name
            shutil.rmtree(folder)


@pytest.fixture(params=REMOTES)
def killed(site: DjangoSite, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Killed]:
    kind: type[Served] | None = request.param
    with stored_on(kind, site, tmp_path):
        site.rclone["MEDIA_CLEANUP_KEEP"] = KEEP
        killed = Killed(site, random.Random(request.node.name))
        for _ in range(KEEP):
            killed.change()
            site.call("mediabackup", "--force")
            killed.adopt()
        yield killed


@pytest.mark.parametrize("clean", [False, True], ids=["backup", "prune"])
def test_every_run_restores_exactly_after_a_killed_backup_or_prune(
    killed: Killed, clean: bool
) -> None:
    killed.change()
    killer, programs = killed.killer("mediabackup", "--force", *(["--clean"] if clean else []))
    killed.adopt()
    for program in programs:
        killed.change()
        before = list(killed.runs)
        killer.run(program)
        killed.adopt()
        gone = [name for name in before if name not in killed.runs]
        assert gone == before[: len(gone)]
        assert len(killed.runs) >= KEEP
        if gone:
            assert clean
        killed.judge()
        if not clean and len(killed.runs) > 2 * KEEP:
            killed.site.call("mediabackup", "--force", "--clean")
            killed.adopt()


def test_every_file_is_old_or_new_after_a_killed_restore(killed: Killed) -> None:
    name, new = list(killed.runs.items())[-1]
    arguments = ("mediarestore", "--noinput", "--at", name, "--delete", "--force")
    killed.change()
    killer, programs = killed.killer(*arguments)
    assert killed.there() == new
    for program in programs:
        killed.change()
        killer.run(program)
        for path, data in killed.there().items():
            assert data in (killed.files.get(path), new.get(path)), path
        killed.site.call(*arguments)
        assert killed.there() == new
        killed.files = dict(new)
        killed.judge()

"""A random history of a site against a plain model: they agree after every step."""

import json
import os
import random
import sqlite3
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest

from django_rclone.backups.retention import CLOCK_TOLERANCE
from django_rclone.processes import Command
from django_rclone.testing.kills import Killer
from tests.faults.clock import Clock, going_wrong
from tests.support.site import DjangoSite

ALIASES = ("default", "default-2", "archive")
KEEP = 3
_EVERYTHING = os.environ.get("FAULTS") == "all"


@dataclass
class Model:
    """What there ought to be: contents of databases, and of backups by name, with their dates."""

    live: dict[str, str] = field(default_factory=dict)
    stored: dict[str, dict[str, tuple[str, str]]] = field(default_factory=dict)

    def newest_first(self, alias: str) -> list[str]:
        backups = self.stored[alias]
        return sorted(backups, key=lambda name: (backups[name][0], name), reverse=True)


class History:
    """Does one thing after the other, to the site and to the model."""

    def __init__(self, site: DjangoSite, clock: Clock, chance: random.Random) -> None:
        self.site = site
        self.clock = clock
        self.chance = chance
        self.model = Model()
        others = {alias: site.add_database(alias) for alias in ALIASES if alias != "default"}
        self.databases = {"default": site.database, **others}
        for alias, database in self.databases.items():
            self.model.live[alias] = database.fingerprint()
            self.model.stored[alias] = {}

    def step(self) -> str:
        deeds = (self.write, self.back_up, self.restore, self.prune, self.kill, self.turn_clock)
        deed = self.chance.choices(deeds, weights=(5, 6, 4, 3, 2, 2))[0]
        alias = self.chance.choice(ALIASES)
        deed(alias)
        return f"{deed.__name__} {alias}"

    def write(self, alias: str) -> None:
        with closing(sqlite3.connect(self.databases[alias].path)) as connection, connection:
            title = f"entry {self.chance.random()}"
            connection.execute("INSERT INTO entry (title) VALUES (?)", [title])
            connection.execute("DELETE FROM entry WHERE id = ?", [self.chance.randrange(500)])
        self.model.live[alias] = self.databases[alias].fingerprint()

    def back_up(self, alias: str, *more: str) -> str:
        self.site.call("dbbackup", "-d", alias, *more, stderr=StringIO())
        (new,) = self.adopt(alias)
        return new

    def adopt(self, alias: str) -> set[str]:
        """Take up what is new in the listing as backups of the database as it is."""
        listed = {one["name"]: one for one in self.site.backups("-d", alias)}
        new = set(listed) - set(self.model.stored[alias])
        for name in new:
            assert listed[name]["verified"], listed[name]
            manifest = self.site.remote / f"{listed[name]['path']}.json"
            created_at = json.loads(manifest.read_text())["created_at"]
            self.model.stored[alias][name] = (created_at, self.model.live[alias])
        return new

    def restore(self, alias: str) -> None:
        names = self.model.newest_first(alias)
        if not names:
            return
        chosen = self.chance.choice([None, *names])
        by_name = [] if chosen is None else ["-i", chosen]
        self.site.call("dbrestore", "-d", alias, "--noinput", *by_name, stderr=StringIO())
        # One that is dated in the future passes for the newest only if there is no other.
        newest = next(iter(self._until(alias, CLOCK_TOLERANCE)), names[0])
        self.model.live[alias] = self.model.stored[alias][chosen or newest][1]

    def prune(self, alias: str) -> None:
        new = self.back_up(alias, "--clean")
        # Those that are dated in the future neither count nor go.
        for name in self._until(alias, timedelta(0))[KEEP:]:
            if name != new:
                del self.model.stored[alias][name]

    def _until(self, alias: str, tolerance: timedelta) -> list[str]:
        """Return the backups that are not dated in the future, newest first."""
        latest = (datetime.now(UTC) + self.clock.wrong + tolerance).isoformat()
        dates = self.model.stored[alias]
        return [name for name in self.model.newest_first(alias) if dates[name][0] <= latest]

    def kill(self, alias: str) -> None:
        """Kill a backup, or one of its programs; it counts if its manifest was written."""
        argv = tuple(self.site.argv("dbbackup", "-d", alias))
        command = Command(argv=argv, env=self.site.environ())
        killer = Killer(command, self.chance)
        assert len(self.adopt(alias)) == 1, "it is run once undisturbed"
        failed = killer.run(self.chance.choice(killer.programs))
        new = self.adopt(alias)
        assert failed or len(new) == 1

    def turn_clock(self, alias: str) -> None:
        days = self.chance.choice([-30.0, -1.0, -0.01, 0.01, 1.0, 3.0])
        self.clock.wrong += timedelta(days=days)

    def judge(self) -> None:
        for alias in ALIASES:
            listed = self.site.backups("-d", alias)
            assert [one["name"] for one in listed] == self.model.newest_first(alias)
            assert all(one["verified"] for one in listed)
            assert self.databases[alias].fingerprint() == self.model.live[alias]


@pytest.mark.thorough
@pytest.mark.parametrize("seed", range(8 if _EVERYTHING else 1))
def test_catalogue_and_databases_agree_with_the_model_at_every_step(
    site: DjangoSite, seed: int
) -> None:
    site.rclone |= {"DB_CLEANUP_KEEP": KEEP, "STALL_TIMEOUT": 60}
    done: list[str] = []
    with going_wrong() as clock:
        history = History(site, clock, random.Random(seed))
        for _ in range(30 if _EVERYTHING else 12):
            done.append(history.step())
            try:
                history.judge()
            except AssertionError as error:
                raise AssertionError(f"after {done}, seed {seed}: {error}") from error

"""Who is measured: packages for Django by their commands. ``pipelines`` has the shell's."""

import json
import os
import sys
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tests.benchmarks.measure import Command
from tests.benchmarks.remotes import Remote

SECRET_KEY = "the-secret-key-of-the-benchmark"
KEEP = 100_000
"""So many backups are kept: a clean-up looks at all of them, and deletes none."""

_COMMON = """\
SECRET_KEY = {key!r}
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
INSTALLED_APPS = ["django.contrib.contenttypes", "django.contrib.auth", {app!r}]
DATABASES = {databases!r}
MEDIA_ROOT = {media!r}
"""
_OURS = """\
DJANGO_RCLONE = {{
    "REMOTE": {address!r},
    "RCLONE_CONFIG": {config!r},
    "DB_CLEANUP_KEEP": {keep},
}}
"""
_DBBACKUP = """\
STORAGES = {{
    "default": {{"BACKEND": "django.core.files.storage.FileSystemStorage"}},
    "staticfiles": {{"BACKEND": "django.core.files.storage.FileSystemStorage"}},
    "dbbackup": {storage!r},
}}
DBBACKUP_CLEANUP_KEEP = {keep}
"""


@dataclass(frozen=True, kw_only=True)
class Place:
    """What a contender works on, and where it stores."""

    folder: Path
    """For settings, caches and temporary files; each contender has a folder of its own in it."""
    remote: Remote
    databases: Mapping[str, dict[str, Any]] = field(default_factory=dict)
    media: Path = Path()
    environ: Mapping[str, str] = field(default_factory=dict)
    """By which the programs of a shell find the database."""
    path: str = ""
    """A folder of programs that come before all others."""

    def own(self, contender: str) -> Path:
        """Return a contender's own folder, made if need be."""
        own = self.folder / contender.replace(" ", "-")
        (own / "cache").mkdir(parents=True, exist_ok=True)
        (own / "tmp").mkdir(exist_ok=True)
        self.remote.disk(own.name).mkdir(parents=True, exist_ok=True)
        return own

    def env(self, contender: str) -> dict[str, str]:
        """Return the environment of a contender, without anything of the caller's."""
        own = self.own(contender)
        folders = [self.path, str(Path(sys.executable).parent), os.environ["PATH"]]
        return {
            "PATH": os.pathsep.join(filter(None, folders)),
            "HOME": str(own),
            "TMPDIR": str(own / "tmp"),
            "XDG_CACHE_HOME": str(own / "cache"),
            "LANG": "C.UTF-8",
            "RCLONE_CONFIG": str(self.remote.config),
        }


class Contender(ABC):
    """One way to do the work."""

    name: str
    is_pipeline: bool = False
    caveats: Mapping[tuple[str, str], str] = {}
    """By step and engine, what is known to be unsafe about it, from its source."""

    @abstractmethod
    def command(self, step: str, place: Place) -> Command | None:
        """Return what does a step; ``None`` if this contender cannot."""

    def address(self, place: Place) -> str:
        """Return where it stores, as rclone names it."""
        return place.remote.address(place.own(self.name).name)

    def disk(self, place: Place) -> Path:
        """Return where that is on the disk."""
        return place.remote.disk(place.own(self.name).name)


STEPS: dict[str, tuple[str, ...]] = {
    "backup": ("dbbackup",),
    "restore": ("dbrestore", "--noinput"),
    "media backup": ("mediabackup",),
    "media restore": ("mediarestore", "--noinput"),
    "list": ("listbackups",),
    "clean": ("dbbackup", "--clean"),
    "help": ("help",),
    "help of dbbackup": ("dbbackup", "--help"),
}
"""The commands that the packages have in common."""


@dataclass
class Package(Contender):
    """A package for Django; ``arguments`` differ from those of ``STEPS``."""

    name: str
    app: str
    settings: str
    arguments: Mapping[str, Sequence[str]] = field(default_factory=dict)
    caveats: Mapping[tuple[str, str], str] = field(default_factory=dict)

    def command(self, step: str, place: Place) -> Command | None:
        arguments = self.arguments.get(step, STEPS.get(step))
        if not arguments:
            return None
        own = place.own(self.name)
        values = {
            "key": SECRET_KEY,
            "app": self.app,
            "databases": dict(place.databases),
            "media": str(place.media),
            "address": self.address(place),
            "config": str(place.remote.config),
            "storage": place.remote.storage(own.name),
            "keep": KEEP,
        }
        text = (_COMMON + self.settings).format_map(values)
        (own / "benchmark_settings.py").write_text(text)
        env = place.env(self.name)
        env |= {"PYTHONPATH": str(own), "DJANGO_SETTINGS_MODULE": "benchmark_settings"}
        return Command((sys.executable, "-m", "django", *arguments), env, own)


@dataclass
class Project(Contender):
    """A project of somebody else's, with another package that has the same commands.

    Its settings read the databases and the rest from ``BENCH_SITE``, which is JSON:
    ``databases``, ``media``, ``remote``, ``rclone_config``, ``storage``.
    """

    name: str
    python: str
    manage: Path

    def command(self, step: str, place: Place) -> Command | None:
        if not (arguments := STEPS.get(step)):
            return None
        own = place.own(self.name)
        site = {
            "databases": dict(place.databases),
            "media": str(place.media),
            "remote": self.address(place),
            "rclone_config": str(place.remote.config),
            "storage": place.remote.storage(own.name),
        }
        env = {**place.env(self.name), "BENCH_SITE": json.dumps(site, default=str)}
        return Command((self.python, str(self.manage), *arguments), env, self.manage.parent)


OURS = Package(
    "django-rclone",
    "django_rclone",
    _OURS,
    arguments={
        "backup all": ("dbbackup", "--all"),
        # Nobody else backs up first what a restore replaces.
        "restore": ("dbrestore", "--noinput", "--no-safety-backup"),
        "rehearsal": ("dbverify",),
    },
)
OURS_TWO_AT_ONCE = replace(
    OURS,
    name=f"{OURS.name} --jobs 2",
    arguments={"backup all": ("dbbackup", "--all", "--jobs", "2")},
)
DBBACKUP = Package(
    "dbbackup",
    "dbbackup",
    _DBBACKUP,
    arguments={"backup all": ("dbbackup",)},
    caveats={
        ("restore", "sqlite"): "overwrites the live file in place",
        ("restore", "mariadb"): "not atomic",
        ("backup", "mariadb"): "locks the tables",
    },
)
DBBACKUP_COMPRESSED = Package(
    "dbbackup -z",
    "dbbackup",
    _DBBACKUP,
    arguments={
        "backup": ("dbbackup", "-z"),
        "restore": ("dbrestore", "--noinput", "-z"),
        "media backup": (),  # pictures do not get smaller
        "media restore": (),
        "backup all": ("dbbackup", "-z"),
        "list": (),
        "clean": (),
        "start": (),
    },
    caveats=DBBACKUP.caveats,
)


def parse_project(text: str) -> Project:
    """Read ``NAME=PYTHON:MANAGE.PY``. Raises ``ValueError`` for anything else."""
    name, _, rest = text.partition("=")
    python, _, manage = rest.rpartition(":")
    if not (name and python and manage):
        raise ValueError(f"{text!r} is not NAME=PYTHON:MANAGE.PY")
    return Project(name, str(Path(python).absolute()), Path(manage).absolute())


def django_start(place: Place) -> Command:
    """Return a command that starts Django with our settings, and does nothing."""
    command = OURS.command("help", place)
    assert command is not None
    return command

"""A remote in memory, for the rules of listing: thousands of backups, or many small histories."""

import builtins
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import cast

from django.core.signing import Signer

from django_rclone import conf
from django_rclone.backups.catalog import Catalog
from django_rclone.backups.manifest import Manifest, manifest_path, signer
from django_rclone.backups.naming import DatabaseNames, Naming
from django_rclone.conf import Settings
from django_rclone.rclone import Remote
from django_rclone.rclone.output import RemoteObject

NOW = datetime(2021, 12, 9, 7, 5, 3, tzinfo=UTC)
ALIASES = ("default", "default-2")


@dataclass
class MemoryRemote:
    """Objects with their times, and the paths of what was read."""

    name: str = "memory:"
    objects: dict[str, tuple[bytes, datetime]] = field(default_factory=dict)
    asked: builtins.list[str] = field(default_factory=list)

    def address(self, path: str) -> str:
        return self.name + path

    def list(self, folder: str) -> Sequence[RemoteObject]:
        return [
            RemoteObject(path, len(data), moment.isoformat())
            for path, (data, moment) in self.objects.items()
            if path.startswith(f"{folder}/")
        ]

    def read(self, path: str) -> bytes | None:
        self.asked.append(path)
        return self.objects.get(path, (None,))[0] or None

    def read_all(self, folder: str, suffix: str) -> Sequence[bytes]:
        self.asked.append(f"{folder}/*{suffix}")
        texts = [data for path, (data, _) in self.objects.items() if path.endswith(suffix)]
        return [line for data in texts for line in data.split(b"\n") if line]

    def size(self, path: str) -> int | None:
        return len(self.objects[path][0]) if path in self.objects else None

    def put(self, path: str, data: bytes, moment: datetime = NOW) -> None:
        self.objects[path] = (data, moment)


@dataclass
class Shelf:
    """A remote in memory, the settings of its site, and what to fill it with."""

    remote: MemoryRemote
    settings: Settings
    made: int = 0
    whole: bool = False

    @property
    def catalog(self) -> Catalog:
        names = DatabaseNames(self.naming, ALIASES)
        return Catalog(
            cast("Remote", self.remote), self.settings, folder="db", names=names, whole=self.whole
        )

    @property
    def naming(self) -> Naming:
        return Naming(self.settings.db_filename_template, self.settings.db_date_format)

    @property
    def signer(self) -> Signer:
        return signer(self.settings.signing_key, ())

    def name(self, alias: str, moment: datetime) -> str:
        self.made += 1
        return self.naming.name(alias, moment, f"{self.made:08x}", "sqlite3.zst")

    def add(
        self,
        moment: datetime,
        alias: str = "default",
        *,
        name: str = "",
        environment: str = "",
        partial: bool = False,
        alter: Callable[[Manifest], bytes | None] = Manifest.to_bytes,
    ) -> str:
        """Store a dump and what ``alter`` makes of its manifest. Return its path."""
        path = f"db/{name or self.name(alias, moment)}"
        manifest = Manifest(
            path=path,
            created_at=moment,
            vendor="sqlite",
            format="sqlite3",
            size=5,
            environment=environment,
            django_version="6.1",
            database=alias,
            partial=partial,
        )
        written = max(moment, NOW - timedelta(days=1000)) + timedelta(seconds=self.made)
        self.remote.put(path, b"12345", written)
        data = alter(manifest.signed(self.signer))
        if data is not None:
            self.remote.put(manifest_path(path), data, written)
        return path


def shelf() -> Shelf:
    """Return an empty one, of the settings in force."""
    return Shelf(MemoryRemote(), conf.load())

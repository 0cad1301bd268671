"""Backups in a file: what an operation does with a client, without rclone, locks and signals."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

import django
from django.test import override_settings

from django_rclone import conf
from django_rclone.backups.inventory import Inventory
from django_rclone.backups.manifest import Manifest
from django_rclone.clients import get_client
from django_rclone.clients.base import DatabaseClient
from django_rclone.pipeline.relay import apply_dump, upload_dump
from tests.support.site import DjangoSite


class _Sink:
    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def write(self, data: bytes) -> None:
        self._file.write(data)

    def finish(self) -> None:
        self._file.flush()


class _Source:
    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file, self._left = file, size

    def read(self, size: int) -> bytes:
        data = self._file.read(min(size, self._left))
        self._left -= len(data)
        return data

    def finish(self) -> None:
        pass


@dataclass(frozen=True, slots=True)
class FileBackup:
    """A dump in a file, and what its manifest would say."""

    path: Path
    manifest: Manifest
    warnings: Sequence[str]

    @classmethod
    def of(cls, site: DjangoSite) -> "FileBackup":
        """Back up the default database of a site."""
        path = site.folder / "generated.dump"
        with _client(site) as client:
            client.check_dump()
            warnings = [*client.dump_warnings()]
            with client.dump(stall_timeout=None) as dump, path.open("wb") as file:
                digest = upload_dump(
                    dump, _Sink(file), compression=None, level=1, magic=client.magic
                )
                inventory = client.dump_inventory()
                warnings += client.remarks()
            versions = client.versions()
            manifest = Manifest(
                path=path.name,
                created_at=datetime.now(UTC),
                vendor=client.vendor,
                format=client.format,
                size=digest.size,
                environment="",
                django_version=django.get_version(),
                sha256=digest.sha256,
                raw_size=digest.raw_size,
                tool=versions.tool,
                tool_version=versions.tool_version,
                server_version=versions.server_version,
                inventory=inventory.to_text() if inventory else "",
            )
        return cls(path, manifest, warnings)

    def restore(self, site: DjangoSite, *, size: int | None = None) -> None:
        """Restore it; with ``size``, only so many bytes of it arrive."""
        manifest = self.manifest
        expected = Inventory.from_text(manifest.inventory) if manifest.inventory else None
        with _client(site) as client:
            client.check_restore(manifest)
            with self.path.open("rb") as file, client.restore(expected) as target:
                apply_dump(
                    _Source(file, manifest.size if size is None else size),
                    target,
                    compression=None,
                    expected=manifest.digest,
                    progress=lambda _: None,
                )
                target.swap()


@contextmanager
def _client(site: DjangoSite) -> Iterator[DatabaseClient]:
    with (
        site.active(),
        override_settings(DJANGO_RCLONE=site.rclone),
        get_client("default", conf.load()) as client,
    ):
        yield client

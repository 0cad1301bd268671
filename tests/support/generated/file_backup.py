"""Backups in a file: what an operation does with a client, without rclone, locks and signals."""

import gc
import os
import random
import signal
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

import django
import pytest
from django.test import override_settings

from django_rclone import conf
from django_rclone.backups.inventory import Inventory
from django_rclone.backups.manifest import Manifest
from django_rclone.clients import get_client
from django_rclone.clients.base import DatabaseClient
from django_rclone.clients.session import Session
from django_rclone.exceptions import DjangoRcloneError
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
    def __init__(self, file: BinaryIO, size: int, at_end: Callable[[], object]) -> None:
        self._file, self._left, self._at_end = file, size, at_end

    def read(self, size: int) -> bytes:
        data = self._file.read(min(size, self._left))
        self._left -= len(data)
        if not data:
            self._at_end()
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

    def restore(
        self,
        site: DjangoSite,
        *,
        size: int | None = None,
        at_end: Callable[[], object] = lambda: None,
        before_swap: Callable[[], object] = lambda: None,
    ) -> None:
        """Restore it; with ``size``, only so many bytes of it arrive.

        ``at_end`` and ``before_swap`` are called after the last of them, and before the swap.
        """
        manifest = self.manifest
        expected = Inventory.from_text(manifest.inventory) if manifest.inventory else None
        with _client(site) as client:
            client.check_restore(manifest)
            with self.path.open("rb") as file, client.restore(expected) as target:
                apply_dump(
                    _Source(file, manifest.size if size is None else size, at_end),
                    target,
                    compression=None,
                    expected=manifest.digest,
                    progress=lambda _: None,
                )
                before_swap()
                target.swap()

    def restore_interrupted(self, site: DjangoSite, chosen: random.Random) -> bool:
        """Try to restore it, and fail: the dump ends too early, or the process is killed.

        It is killed in the middle of the dump, or at one of the questions of the swap. Return
        whether the swap had begun; if it asks fewer questions, it is complete.
        """
        size = chosen.randrange(1, max(2, self.manifest.size))
        how = chosen.choice(("cut", "killed", "killed in the swap"))
        if how == "cut":
            with pytest.raises(DjangoRcloneError):
                self.restore(site, size=size)
        elif how == "killed":
            _in_child(lambda: self.restore(site, size=size, at_end=_die))
        else:
            count = chosen.randrange(30)
            _in_child(lambda: self.restore(site, before_swap=lambda: _die_at_question(count)))
        site.database.wait_until_idle()
        return how == "killed in the swap"


def _in_child(work: Callable[[], object]) -> None:
    """Do it in a process of its own, which may die."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Python 3.12 warns of threads, such as those of xdist
        child = os.fork()
    if not child:
        gc.freeze()  # to free what belongs to the threads of the parent would wait for them
        try:
            work()
        finally:
            os._exit(1)
    os.waitpid(child, 0)


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _die_at_question(count: int) -> None:
    """Die when the server is asked again, after so many more questions."""
    ask, left = Session._ask, iter(range(count))

    def asked(*arguments: Any) -> Any:
        if next(left, None) is None:
            _die()
        return ask(*arguments)

    Session._ask = asked  # type: ignore[method-assign, assignment]


@contextmanager
def _client(site: DjangoSite) -> Iterator[DatabaseClient]:
    with (
        site.active(),
        override_settings(DJANGO_RCLONE=site.rclone),
        get_client("default", conf.load()) as client,
    ):
        yield client

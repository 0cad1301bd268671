"""Generated files come back exactly, into whatever the live file has become.

The client is used without a remote, so that there is time for many examples.
"""

import random
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from django.db import connections

from django_rclone.clients.sqlite import SqliteClient
from django_rclone.exceptions import ClientError
from tests.integration.clients.sqlite.generated import (
    Example,
    by_vendor,
    examples,
    fingerprint,
    run,
)
from tests.support.generated.campaign import assert_same, batches, run_batch
from tests.support.site import DjangoSite

_SIDECARS = ("", "-wal", "-shm", "-journal")


@pytest.fixture
def live(site: DjangoSite) -> Iterator[Path]:
    """The file of the site's database."""
    yield site.database.path
    connections["default"].close()


def client() -> SqliteClient:
    return SqliteClient(connections["default"])


def remove(path: Path) -> None:
    for ending in _SIDECARS:
        Path(f"{path}{ending}").unlink(missing_ok=True)


def everything(path: Path) -> str:
    return f"{fingerprint(path)}\n{by_vendor(path)}"


def dumped(path: Path) -> tuple[bytes, object]:
    with client() as one:
        one.check_dump()
        with one.dump(stall_timeout=None) as source:
            data = b"".join(iter(lambda: source.read(1 << 16), b""))
            source.finish()
            return data, one.dump_inventory()


def restore(data: bytes, inventory: object, *, until: str = "swap") -> None:
    with client() as one, one.restore(inventory) as target:  # type: ignore[arg-type]
        half = len(data) // 2
        target.write(data[:half])
        if until == "write":
            return
        target.write(data[half:])
        target.finish()
        if until == "swap":
            target.swap()


def page_size(path: Path) -> tuple[int, str]:
    with closing(sqlite3.connect(path)) as connection:
        [size] = connection.execute("PRAGMA page_size").fetchone()
        [mode] = connection.execute("PRAGMA journal_mode").fetchone()
    return size, mode


def round_trip(live: Path, example: Example) -> None:
    remove(live)
    run(live, example.made)
    if not live.stat().st_size:
        return
    before, (size, _) = everything(live), page_size(live)
    data, inventory = dumped(live)
    assert_same(everything(live), before, "a backup changed the file")
    if example.other:
        remove(live)
    run(live, example.other or example.changed)
    is_database = bool(live.stat().st_size)
    diverged = everything(live)
    live_size, mode = page_size(live)
    until = random.Random(len(before)).choice(("write", "finish"))
    restore(data, inventory, until=until)
    assert_same(everything(live), diverged, "an interrupted restore changed the file")
    restore(data, inventory)
    assert_same(everything(live), before, "restored into a changed file, it differs")
    assert page_size(live) == (live_size if is_database and mode == "wal" else size, mode)
    remove(live)
    restore(data, inventory)
    assert_same(everything(live), before, "restored where there is no file, it differs")
    assert sorted(path.name for path in live.parent.iterdir() if "django-rclone" in path.name) == []


@batches()
@pytest.mark.timeout(3600)
def test_generated_file_comes_back(live: Path, first: int, count: int) -> None:
    run_batch(first, count, examples(), lambda example: round_trip(live, example))


def test_refusal_of_a_damaged_file_leaves_the_live_one(live: Path) -> None:
    data, _ = dumped(live)
    before = everything(live)
    with pytest.raises(ClientError, match="damaged"):
        restore(data[: len(data) // 2], None)
    assert everything(live) == before

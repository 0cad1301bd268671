"""Reading stored contents back: small ones in batches, large ones as streams."""

import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ...conf import Settings
from ...console import Console
from ...interrupts import interruptible
from ...rclone import Remote
from ...rclone.copying import Copying
from ...rclone.parallel import are_small
from ...scratch import scratch_directory
from .cache import temporary_folder
from .content_store import content_name
from .hashing import hash_files
from .runs import content_folder
from .workset import WorkSet

_LARGE = 64 << 20  # bytes; one that is read as a stream
_BATCH = 2_000  # files
_BATCH_SIZE = 256 << 20  # bytes, which must fit into the temporary folder
_CHUNK = 1 << 20
_TRIES = 3

MISSING = "its content is not on the remote"
_DAMAGED = "damaged"

_CONTENTS = """
SELECT run.sha256, run.size, min(run.path) FROM run JOIN stored USING (sha256)
WHERE run.kind = 'file' AND run.size > 0 AND stored.size = run.size
AND run.sha256 >= ? AND (? OR run.sha256 < ?)
GROUP BY run.sha256 ORDER BY run.sha256
"""

_WRONG = """
SELECT min(run.path), run.sha256, stored.size IS NULL
FROM run LEFT JOIN stored USING (sha256)
WHERE run.kind = 'file' AND run.size > 0 AND stored.size IS NOT run.size
GROUP BY run.sha256 ORDER BY 1
"""


@dataclass(slots=True)
class ReadBack:
    """What was read, and what is wrong with it."""

    count: int = 0
    size: int = 0
    """Bytes."""
    problems: list[tuple[bytes, str]] = field(default_factory=list)
    """The path of a file in the run, and what is wrong with its content."""


@dataclass(frozen=True, slots=True)
class _Content:
    sha256: bytes
    size: int
    path: bytes

    @property
    def name(self) -> str:
        return content_name(self.sha256)


def read_back(
    remote: Remote, settings: Settings, work: WorkSet, share: tuple[int, int], console: Console
) -> ReadBack:
    """Read the contents of the run whose hashes are in a share of all, as far as they are stored.

    ``share`` is from where to where, of the first two bytes. Raises ``RcloneError`` if the
    remote cannot be read.
    """
    done = ReadBack()
    copying = Copying(settings)
    place = content_folder(settings)
    for batch in _batches(work, share):
        console.progress(done.size)
        if batch[0].size >= _LARGE:
            found = _stream(remote, place, batch[0], console, done.size)
        else:
            found = _fetch(copying, remote.address(place), batch, temporary_folder(settings))
        done.count += len(batch)
        done.size += sum(one.size for one in batch)
        done.problems += [
            (
                one.path,
                f"its content is damaged: {place}/{one.name}" if reason == _DAMAGED else reason,
            )
            for one, reason in found
        ]
    return done


def wrongly_stored(work: WorkSet) -> Iterator[tuple[bytes, bytes, bool]]:
    """Yield each content of the run that is not stored with its size.

    It is the path of a file that has it, its hash, and whether it is not there at all.
    """
    yield from work.connection.execute(_WRONG)


def _batches(work: WorkSet, share: tuple[int, int]) -> Iterator[list[_Content]]:
    start, end = share
    first, after = start.to_bytes(2), min(end, 0xFFFF).to_bytes(2)
    batch: list[_Content] = []
    size = 0
    for row in work.connection.execute(_CONTENTS, (first, end > 0xFFFF, after)):
        one = _Content(*row)
        if one.size >= _LARGE:
            yield [one]
            continue
        if batch and (len(batch) >= _BATCH or size + one.size > _BATCH_SIZE):
            yield batch
            batch, size = [], 0
        batch.append(one)
        size += one.size
    if batch:
        yield batch


def _stream(
    remote: Remote, place: str, one: _Content, console: Console, before: int
) -> list[tuple[_Content, str]]:
    digest, size = hashlib.sha256(), 0
    with remote.download(f"{place}/{one.name}") as download:
        while data := download.read(_CHUNK):
            digest.update(data)
            size += len(data)
            console.progress(before + size)
        download.finish()
    return [] if digest.digest() == one.sha256 else [(one, _DAMAGED)]


def _fetch(
    copying: Copying, folder: str, batch: Sequence[_Content], temporary: Path
) -> list[tuple[_Content, str]]:
    """Read a batch by way of a temporary folder."""
    missing = {one.name: one for one in batch}
    problems: dict[str, str] = {}
    for tries_left in range(_TRIES - 1, -1, -1):
        with scratch_directory(temporary) as scratch:
            copied = copying.copy(
                folder,
                str(scratch),
                names=list(missing),
                into_scratch=True,
                small=are_small(len(batch), sum(one.size for one in batch)),
            )
            problems = _compare(scratch, missing)
        if copied.error is None:
            break
        missing = {name: one for name, one in missing.items() if name in problems}
        if not missing:
            break
        # Otherwise the remote says no to some, and it may be for their damage.
        refused = not copied.error.transient and missing.keys() <= copied.failed.keys()
        if refused:
            problems = {name: copied.failed[name] for name in missing}
            break
        if not tries_left:
            raise copied.error
    return [(one, problems[one.name]) for one in batch if one.name in problems]


def _compare(scratch: Path, wanted: Mapping[str, _Content]) -> dict[str, str]:
    """Return what is wrong with the contents that were fetched, by their names."""
    here = [name for name in wanted if (scratch / name).is_file()]
    problems = dict.fromkeys(wanted.keys() - set(here), MISSING)
    with interruptible():
        hashed = hash_files(os.fsencode(scratch), list(map(os.fsencode, here)), follow=False)
    for name, one in zip(here, hashed, strict=True):
        if one.problem or one.sha256 != wanted[name].sha256:
            problems[name] = one.problem or _DAMAGED
    return problems

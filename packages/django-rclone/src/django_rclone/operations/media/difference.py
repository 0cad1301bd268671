"""How the files that are there differ from a run: what a restore has to do."""

import os
import stat
from collections.abc import Iterator
from typing import NamedTuple

from .workset import WorkSet

_CONFLICT = """
SELECT path, 'a folder' FROM run JOIN found USING (path)
WHERE run.kind IN ('file', 'link') AND found.kind = 'folder'
UNION ALL SELECT path, 'no folder' FROM found WHERE found.kind != 'folder' AND (
    EXISTS (SELECT 1 FROM run WHERE run.path = found.path AND run.kind = 'folder')
    OR EXISTS (SELECT 1 FROM run WHERE run.kind != 'left out'
        AND run.path > CAST(found.path || x'2f' AS BLOB)
        AND run.path < CAST(found.path || x'30' AS BLOB)))
"""
_EXTRA = """found.kind IN ('file', 'link') AND wanted(found.path) AND NOT EXISTS (
    SELECT 1 FROM run WHERE run.path = found.path AND run.kind IN ('file', 'link', 'left out'))"""
_WANTED = """FROM run LEFT JOIN found ON found.path = run.path AND found.kind = run.kind
WHERE run.kind = 'file' AND (found.sha256 IS NULL OR found.sha256 != run.sha256)"""


class Wanted(NamedTuple):
    """A file that is to be made or replaced."""

    path: bytes
    size: int
    modified: int
    mode: int
    sha256: bytes


def conflicts(work: WorkSet) -> list[tuple[bytes, str]]:
    """Return what is in the way: files where the run has folders, and the reverse."""
    return [
        (path, f"there it is {kind}")
        for path, kind in work.connection.execute(f"SELECT * FROM ({_CONFLICT}) ORDER BY 1")
    ]


def hidden_conflicts(work: WorkSet, folder: bytes) -> list[tuple[bytes, str]]:
    """Return what is in the way in ``folder``, and was not found: patterns leave it out."""
    query = """SELECT path, kind FROM run WHERE kind != 'left out' AND NOT EXISTS (
        SELECT 1 FROM found WHERE found.path = run.path) ORDER BY path"""
    hidden: list[tuple[bytes, str]] = []
    for path, kind in work.connection.execute(query):
        if hidden and path.startswith(hidden[-1][0] + b"/"):
            continue
        try:
            is_folder = stat.S_ISDIR(os.lstat(os.path.join(folder, path)).st_mode)
        except FileNotFoundError:
            continue
        except NotADirectoryError:
            hidden.append((path, "there it would be in what is not a folder"))
            continue
        if is_folder != (kind == "folder"):
            hidden.append((path, f"there it is {'a' if is_folder else 'no'} folder"))
    return hidden


def extra_count(work: WorkSet) -> int:
    """Return how many files and links are there that the run lacks."""
    return work.number(f"SELECT count(*) FROM found WHERE {_EXTRA}")


def extras(work: WorkSet) -> Iterator[bytes]:
    """Yield the files and links that the run lacks."""
    for (path,) in work.connection.execute(f"SELECT path FROM found WHERE {_EXTRA} ORDER BY path"):
        yield path


def extra_folders(work: WorkSet) -> list[bytes]:
    """Return the folders that the run lacks, the deepest first."""
    query = """SELECT path FROM found WHERE kind = 'folder' AND wanted(path) AND NOT EXISTS (
        SELECT 1 FROM run WHERE run.path = found.path) ORDER BY path DESC"""
    return [path for (path,) in work.connection.execute(query)]


def inside(work: WorkSet, path: bytes) -> list[bytes]:
    """Return ``path`` and all that was found in it, the deepest first."""
    query = """SELECT path FROM found WHERE path = :path OR (path > CAST(:path || x'2f' AS BLOB)
        AND path < CAST(:path || x'30' AS BLOB)) ORDER BY path DESC"""
    return [found for (found,) in work.connection.execute(query, {"path": path})]


def unhashed(work: WorkSet) -> None:
    """Leave without a hash only files that may equal that of the run: they must be read."""
    work.run(
        "UPDATE found SET sha256 = x'' WHERE kind = 'file' AND sha256 IS NULL AND NOT EXISTS ("
        "SELECT 1 FROM run WHERE run.path = found.path AND run.kind = 'file'"
        " AND run.size = found.size)"
    )


def wanted_size(work: WorkSet) -> tuple[int, int]:
    """Return how many files are to be made or replaced, and their bytes."""
    return (
        work.number(f"SELECT count(*) {_WANTED}"),
        work.number(f"SELECT sum(run.size) {_WANTED}"),
    )


def replaced_count(work: WorkSet) -> int:
    """Return how many of them are there with another content."""
    return work.number(f"SELECT count(*) {_WANTED} AND found.path IS NOT NULL")


def batches(work: WorkSet, files: int, size: int) -> Iterator[list[Wanted]]:
    """Yield the files to be made or replaced, up to so many ``files`` and bytes at a time."""
    after = b""
    while True:
        rows = work.connection.execute(
            f"SELECT run.path, run.size, run.modified, run.mode, run.sha256 {_WANTED}"
            " AND run.path > ? ORDER BY run.path LIMIT ?",
            (after, files),
        )
        batch: list[Wanted] = []
        total = 0
        for row in rows:
            wanted = Wanted(*row)
            if batch and total + wanted.size > size:
                break
            batch.append(wanted)
            total += wanted.size
        rows.close()
        if not batch:
            return
        after = batch[-1].path
        yield batch


def with_other_status(work: WorkSet) -> Iterator[Wanted]:
    """Yield the files of equal content that have another time, or other permissions."""
    query = """SELECT run.path, run.size, run.modified, run.mode, run.sha256
        FROM run JOIN found USING (path)
        WHERE run.kind = 'file' AND found.kind = 'file' AND run.sha256 = found.sha256
        AND (run.modified != found.modified OR run.mode != found.mode)"""
    for row in work.connection.execute(query):
        yield Wanted(*row)


def folders(work: WorkSet) -> Iterator[tuple[bytes, int]]:
    """Yield the folders of the run that are not there, with their permissions."""
    query = """SELECT path, mode FROM run WHERE kind = 'folder' AND NOT EXISTS (
        SELECT 1 FROM found WHERE found.path = run.path AND found.kind = 'folder') ORDER BY path"""
    yield from work.connection.execute(query)


def links(work: WorkSet) -> Iterator[tuple[bytes, bytes]]:
    """Yield the links of the run that are not there, with what they point to."""
    query = """SELECT path, target FROM run WHERE kind = 'link' AND NOT EXISTS (
        SELECT 1 FROM found WHERE found.path = run.path AND found.kind = 'link'
        AND found.target = run.target) ORDER BY path"""
    yield from work.connection.execute(query)

"""The names of stored contents, and a program that lists those in a folder of this machine.

The program needs Python alone, and writes hashes and sizes into a new database of SQLite:

    python -I -S content_store.py FOLDER DATABASE

It exits with ``UNREADABLE`` if the folder cannot be read, and says why.
"""

import os
import re
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress

TABLE = "stored (sha256 BLOB PRIMARY KEY, size INTEGER NOT NULL) WITHOUT ROWID"

UNREADABLE = 3

_FOLDER = re.compile(r"[0-9a-f]{2}")
_NAME = re.compile(r"([0-9a-f]{2})/(\1[0-9a-f]{62})")


def content_name(sha256: bytes) -> str:
    """Return the name of a content below the folder of all."""
    text = sha256.hex()
    return f"{text[:2]}/{text}"


def content_hash(name: str) -> bytes | None:
    """Return the hash in the name of a content; ``None`` for any other name."""
    match = _NAME.fullmatch(name)
    return bytes.fromhex(match[2]) if match else None


def _main(folder: str, database: str) -> None:
    with closing(sqlite3.connect(database, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = OFF")
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute(f"CREATE TABLE {TABLE}")
        connection.execute("BEGIN")
        for part in _parts(folder):
            found = _stored_in(folder, part)
            connection.executemany("INSERT INTO stored VALUES (?,?)", found)
            sys.stdout.write(".")  # whoever waits sees that there is progress
            sys.stdout.flush()
        connection.execute("COMMIT")


def _parts(folder: str) -> list[str]:
    """Return the folders that contents are spread over."""
    with suppress(FileNotFoundError), _entries(folder) as entries:
        return sorted(
            entry.name
            for entry in entries
            if _FOLDER.fullmatch(entry.name) and entry.is_dir(follow_symlinks=False)
        )
    return []


def _stored_in(folder: str, part: str) -> list[tuple[bytes, int]]:
    """Return the hash and the size of each content in one of them, in order."""
    found = []
    with suppress(FileNotFoundError), _entries(f"{folder}/{part}") as entries:
        for entry in entries:
            sha256 = content_hash(f"{part}/{entry.name}")
            if sha256 is not None and entry.is_file(follow_symlinks=False):
                with suppress(FileNotFoundError):  # others may delete it
                    found.append((sha256, entry.stat(follow_symlinks=False).st_size))
    return sorted(found)


@contextmanager
def _entries(folder: str) -> Iterator[Iterator[os.DirEntry[str]]]:
    """Open a folder by a descriptor: a file in it is then found without looking for the folder."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        with os.scandir(descriptor) as entries:
            yield entries
    finally:
        os.close(descriptor)


if __name__ == "__main__":
    try:
        _main(*sys.argv[1:])
    except OSError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(UNREADABLE)

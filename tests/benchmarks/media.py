"""Seeded media files: many small ones and some large ones, of random bytes as pictures are."""

import random
import shutil
import zlib
from pathlib import Path

from tests.benchmarks.sizes import Size

_SMALL = (1_000, 30_000)
_IN_A_FOLDER = 200


def write_files(folder: Path, size: Size) -> None:
    """Write all files into a folder, which is emptied first."""
    empty(folder)
    seeded = random.Random(2)
    for number in range(size.media_files):
        path = folder / f"photos-{number // _IN_A_FOLDER:03}" / f"{number:06}.jpg"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(seeded.randbytes(seeded.randint(*_SMALL)))
    for number in range(size.media_large):
        with (folder / f"film-{number:02}.mp4").open("wb") as file:
            for _ in range(size.media_large_megabytes):
                file.write(seeded.randbytes(1_000_000))


def change_files(folder: Path, number: int) -> None:
    """Change one file in a hundred: half of them get new bytes, the rest are replaced by others."""
    seeded = random.Random(f"change {number}")
    small = sorted(folder.glob("photos-*/*.jpg"))
    for path in seeded.sample(small, max(2, len(small) // 100)):
        if seeded.random() < 0.5:
            path.write_bytes(seeded.randbytes(seeded.randint(*_SMALL)))
        else:
            path.rename(path.with_name(f"{path.stem}-{number}.jpg"))


def empty(folder: Path) -> None:
    """Remove everything in a folder."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)


def fingerprint(folder: Path) -> dict[str, int]:
    """Return the names of all files with a sum of each one's bytes."""
    return {
        str(path.relative_to(folder)): zlib.crc32(path.read_bytes())
        for path in folder.rglob("*")
        if path.is_file()
    }

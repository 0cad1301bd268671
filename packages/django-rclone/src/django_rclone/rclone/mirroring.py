"""Media runs: rclone makes one folder equal another.

Flags are those of https://rclone.org/commands/rclone_sync/ and
https://rclone.org/filtering/, the ones for links those of https://rclone.org/local/.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import PurePosixPath

from ..exceptions import RcloneError
from ..processes import run
from .binary import RcloneBinary
from .log import TransferStats
from .output import Features

_ALWAYS = (
    "--create-empty-src-dirs",
    # Two names that only look the same are two files.
    "--no-unicode-normalization",
    # ... and to a storage that ignores case, a file has the name that it was given last.
    "--fix-case",
    # What a user's flag or a variable could turn on, and what a run must never do.
    "--ignore-errors=false",
    "--size-only=false",
    "--error-on-no-transfer=false",
)

LINK_FLAGS = {
    "skip": ("--copy-links=false", "--links=false", "--skip-links"),
    "store": ("--copy-links=false", "--links"),
    "follow": ("--links=false", "--copy-links"),
}
"""What rclone does with links in a folder, by the values of ``MEDIA_LINKS``."""


class Basis(Enum):
    """What shows, besides their sizes, whether two files are equal."""

    TIMES = ()
    HASHES = ("--checksum",)
    NOTHING = ("--ignore-times",)
    """rclone would compare by size alone: every file is transferred instead."""


def common_basis(one: Features, other: Features, *, prefer: Basis) -> Basis:
    """Return what two storages can be compared by, if possible what is preferred."""
    possible = {
        Basis.TIMES: one.times and other.times,
        Basis.HASHES: bool(one.hashes & other.hashes),
    }
    in_order = (prefer, *(basis for basis in possible if basis is not prefer))
    return next((basis for basis in in_order if possible.get(basis)), Basis.NOTHING)


@dataclass(frozen=True, slots=True)
class Preview:
    """What a run would do."""

    deletions: int
    """How many files it would delete at the destination."""
    in_the_way: tuple[str, ...]
    """Those that are where it needs a folder, or in a folder that is where it needs a file."""


class Mirroring:
    """One run from a folder or remote to another. Both are full addresses.

    Every method raises ``RcloneError`` with rclone's own message when rclone fails.
    """

    def __init__(
        self,
        binary: RcloneBinary,
        folders: tuple[str, str],
        *,
        basis: Basis,
        links: str,
        leave_out: Iterable[str],
    ) -> None:
        self._binary = binary
        self._folders = folders
        self.basis = basis
        self._patterns = "".join(_patterns(path) for path in leave_out).encode()
        self._flags = (
            *_ALWAYS,
            *LINK_FLAGS[links],
            *(("--exclude-from=-",) if self._patterns else ()),
        )
        self.failed: dict[str, str] = {}
        """The files that the last ``transfer()`` could not transfer, each with the reason."""

    def preview(self) -> Preview:
        """Return what ``transfer()`` would delete. Nothing changes."""
        stats = TransferStats()
        self._run("sync", (*self._flags, "--dry-run", "--size-only"), stats)
        if not stats.seen:
            raise RcloneError(
                "rclone did not report which files it would delete.",
                hint="Upgrade rclone, or correct RCLONE_BINARY.",
            )
        return Preview(stats.deletes, tuple(_in_the_way(stats.planned)))

    def clear(self, paths: Sequence[str]) -> None:
        """Delete files at the destination, and the folders that are empty then."""
        if not paths:
            return
        there = self._folders[1]
        delete = self._binary.process("delete", there, flags=("--files-from-raw=-",))
        run(delete, "".join(f"{path}\n" for path in paths).encode())
        run(self._binary.process("rmdirs", there, flags=("--leave-root",)))

    def transfer(
        self, *, delete: bool, max_delete: int | None, progress: Callable[[int], None]
    ) -> int:
        """Copy what differs, and return the bytes transferred.

        With ``delete`` other files at the destination are deleted; the run fails before it
        deletes more than ``max_delete``. After an error nothing is deleted.
        """
        stats = TransferStats(progress)
        basis = self.basis.value
        limit = () if max_delete is None else (f"--max-delete={max_delete}",)
        self.failed = stats.failed
        self._run("sync" if delete else "copy", (*self._flags, *basis, *limit), stats)
        return stats.bytes

    def _run(self, verb: str, flags: Sequence[str], stats: TransferStats) -> None:
        process = self._binary.process(
            verb, *self._folders, transfer=True, flags=flags, stats=stats
        )
        run(process, self._patterns)


def _patterns(path: str) -> str:
    """Return the patterns, a line each, that mean ``path`` and all below it.

    With a slash at its end they mean only what is below.
    """
    # rclone trims lines, and a line break ends one.
    literal = "".join(
        _literal(character)
        for character in path.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    )
    if literal.endswith(" "):
        literal = f"{literal[:-1]}?"
    below = f"/{literal.removesuffix('/')}/**\n"
    return below if path.endswith("/") else f"/{literal}\n{below}"


def _literal(character: str) -> str:
    if character in "\\*?[]{}":
        return f"\\{character}"
    return "?" if character != " " and not character.isprintable() else character


def _in_the_way(planned: dict[str, set[str]]) -> Iterable[str]:
    """Yield the files to be deleted that make it impossible to write others first."""
    copied, deleted = planned["copy"], planned["delete"]
    folders = {str(parent) for path in copied for parent in PurePosixPath(path).parents}
    for path in sorted(deleted):
        above = {str(parent) for parent in PurePosixPath(path).parents}
        if path in folders or above & copied:
            yield path

"""A tar archive of files, read as a stream: what is in it, and nothing that leads out of it."""

import os
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from io import RawIOBase
from typing import IO, cast

from ...exceptions import BackupRejected
from ...pipeline.compression import Decompressor
from ...pipeline.relay import Source

_CHUNK = 1 << 20
_END = (
    1024  # bytes, all of them zero: https://www.gnu.org/software/tar/manual/html_node/Standard.html
)


@dataclass(frozen=True, slots=True)
class Unpacked:
    """A file of an archive, which waits in a private folder."""

    path: bytes
    """Relative to the archive."""
    staged: bytes
    """Where it waits."""
    modified: int
    """Nanoseconds since 1970."""
    mode: int


class ArchiveStream(RawIOBase):
    """The bytes of an archive, as tarfile reads them."""

    def __init__(self, source: Source, decoder: Decompressor) -> None:
        super().__init__()
        self._source = source
        self._pieces = self._decoded(decoder)
        self._pending = b""
        self._tail = b""
        self.read_so_far = 0
        """Bytes as stored."""

    def read(self, size: int = -1) -> bytes:
        """Return ``size`` bytes, fewer at the end. Raises what the source and the decoder do."""
        while len(self._pending) < size and (piece := next(self._pieces, b"")):
            self._pending += piece
        data, self._pending = self._pending[:size], self._pending[size:]
        self._tail = (self._tail + data)[-_END:]
        return data

    def require_end(self) -> None:
        """Read the rest. Raises ``BackupRejected`` unless the archive is complete."""
        while self.read(_CHUNK):
            pass
        self._source.finish()
        if self._tail != bytes(_END):
            raise BackupRejected("The archive is truncated: its end is missing.")

    def _decoded(self, decoder: Decompressor) -> Iterator[bytes]:
        while chunk := self._source.read(_CHUNK):
            self.read_so_far += len(chunk)
            yield from decoder.decompress(chunk)
        yield from decoder.finish()


class Archive:
    """The files of an archive, unpacked into a private folder."""

    def __init__(self, stream: ArchiveStream, folder: bytes) -> None:
        self._stream, self._folder = stream, folder
        self.left_out: dict[bytes, str] = {}
        """What is not a file, and what it is."""

    def unpack(self) -> Iterator[Unpacked]:
        """Yield file after file, and read the archive to its end.

        Raises ``BackupRejected`` for one that is damaged or leads out of its folder, ``OSError``,
        and what reading it does.
        """
        try:
            with tarfile.open(
                fileobj=cast(IO[bytes], self._stream), mode="r|", errors="surrogateescape"
            ) as archive:
                for number, member in enumerate(archive):
                    if one := self._unpacked(archive, member, number):
                        yield one
        except tarfile.TarError as error:
            raise BackupRejected(f"The archive is damaged or truncated: {error}.") from None
        self._stream.require_end()

    def _unpacked(
        self, archive: tarfile.TarFile, member: tarfile.TarInfo, number: int
    ) -> Unpacked | None:
        path = _safe_path(os.fsencode(member.name))
        if member.isdir():
            return None
        if not member.isreg():
            self.left_out[path] = "it is a link or a device, not a file"
            return None
        if not path:
            raise BackupRejected("The archive has a file without a name.")
        staged = os.path.join(self._folder, b"%d" % number)
        content = archive.extractfile(member)
        with open(staged, "xb") as file:
            while content and (data := content.read(_CHUNK)):
                file.write(data)
            written = file.tell()
        if written != member.size:
            raise BackupRejected("The archive is truncated: it ends within a file.")
        # A file that was private stays so; nothing becomes writable by others, or a program.
        return Unpacked(path, staged, int(member.mtime) * 10**9, member.mode & 0o644 | 0o600)


def _safe_path(name: bytes) -> bytes:
    parts = [part for part in name.split(b"/") if part not in (b"", b".")]
    if name.startswith(b"/") or b".." in parts or b"\0" in name:
        shown = name.decode("utf-8", "replace")
        raise BackupRejected(f"The archive leads out of the media folder: it has {shown!r}.")
    return b"/".join(parts)

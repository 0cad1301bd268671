"""What a dump of another tool is wrapped in: recognized by its first bytes, and undone.

Compressed by gzip, bzip2, xz or zstd, encrypted with GnuPG, or one within the other.
"""

import bz2
import lzma
import re
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass

from ..exceptions import ExecutableNotFound, ProcessError
from ..interrupts import interruptible
from ..processes import Command, Process
from .compression import ZSTD_FRAME, Decompressor, FrameReader, decompressor
from .relay import HEAD, Source

_MAGIC = 64  # bytes that are looked at
_DEPTH = 4  # wrappers within one another
_CHUNK = 1 << 16

# https://www.rfc-editor.org/rfc/rfc9580#section-4.2: a packet that holds a session key, and the
# lengths that such a one has; old and new format of packets.
_PGP = re.compile(
    rb"-----BEGIN PGP MESSAGE-----|[\x84\x8c].[\x03\x04]|\x85..\x03"
    rb"|[\xc1\xc3].[\x03-\x06]|\xc1[\xc0-\xdf].\x03",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Wrapper:
    """A way to wrap bytes: its name in words, how it is recognized, and what undoes it."""

    words: str
    magic: re.Pattern[bytes]
    reader: Callable[[], Decompressor]


class _Gzip:
    """A member of a gzip file, with the methods of ``Frame``."""

    def __init__(self) -> None:
        self._member = zlib.decompressobj(wbits=31)

    @property
    def eof(self) -> bool:
        return self._member.eof

    @property
    def needs_input(self) -> bool:
        return not self._member.unconsumed_tail

    @property
    def unused_data(self) -> bytes:
        return self._member.unused_data

    def decompress(self, data: bytes, max_length: int) -> bytes:
        return self._member.decompress(self._member.unconsumed_tail + data, max_length)


class _Decrypting:
    """GnuPG, which decrypts with the keys of this user."""

    def __init__(self) -> None:
        arguments = ("gpg", "--batch", "--quiet", "--decrypt")
        self._gpg = Process(Command(argv=arguments), failure=_describe_gpg)
        try:
            self._gpg.__enter__()
        except ExecutableNotFound:
            raise ExecutableNotFound(
                "The backup is encrypted with GnuPG, and there is no gpg here.",
                hint="Install it (Debian, Ubuntu: `apt install gpg`), and import the secret key.",
            ) from None

    def decompress(self, data: bytes) -> Iterator[bytes]:
        return self._gpg.exchange(data)

    def finish(self) -> Iterator[bytes]:
        self._gpg.close_input()
        yield from iter(self._gpg.read, b"")
        self._gpg.finish()

    def close(self) -> None:
        self._gpg.stop()


def _describe_gpg(command: Command, returncode: int, tail: Sequence[str]) -> ProcessError:
    return ProcessError(
        "\n".join(["gpg could not decrypt the backup.", *tail]),
        hint="Import the secret key for the user that runs this, and let its agent know the "
        "passphrase: `gpg --decrypt` of any file asks for it.",
    )


GPG = Wrapper("encrypted with GnuPG", _PGP, _Decrypting)
WRAPPERS = (
    Wrapper(
        "compressed by gzip",
        re.compile(rb"\x1f\x8b\x08"),
        lambda: FrameReader(_Gzip, (zlib.error,), several=True),
    ),
    Wrapper(
        "compressed by zstd",
        re.compile(rb"\x28\xb5\x2f\xfd"),
        lambda: FrameReader(*ZSTD_FRAME, several=True),
    ),
    Wrapper(
        "compressed by bzip2",
        re.compile(rb"BZh[1-9]1AY&SY"),
        lambda: FrameReader(bz2.BZ2Decompressor, (OSError,), several=True),
    ),
    Wrapper(
        "compressed by xz",
        re.compile(rb"\xfd7zXZ\0"),
        lambda: FrameReader(lzma.LZMADecompressor, (lzma.LZMAError,), several=True),
    ),
    GPG,
)


class Decoder:
    """A ``Decompressor`` that undoes whatever it recognizes, and passes on what is within."""

    def __init__(self, *, decrypt: bool = True, depth: int = _DEPTH) -> None:
        """Without ``decrypt`` what is encrypted is passed on as it is."""
        self._decrypt, self._depth = decrypt, depth
        self._head = b""
        self._wrapper: Wrapper | None = None
        self._reader: Decompressor | None = None
        self._inner: Decoder | None = None

    @property
    def wrappers(self) -> tuple[Wrapper, ...]:
        """What was recognized so far, the outermost first."""
        inner = self._inner.wrappers if self._inner else ()
        return (self._wrapper, *inner) if self._wrapper else inner

    def decompress(self, data: bytes) -> Iterator[bytes]:
        """See ``Decompressor``."""
        if self._reader is None:
            self._head += data
            if len(self._head) < _MAGIC:
                return
            data = self._head
        yield from self._within(self._recognized().decompress(data))

    def finish(self) -> Iterator[bytes]:
        """See ``Decompressor``."""
        if self._reader is None:
            yield from self._within(self._recognized().decompress(self._head))
        yield from self._within(self._recognized().finish())
        if self._inner:
            yield from self._inner.finish()

    def close(self) -> None:
        """See ``Decompressor``."""
        for one in (self._inner, self._reader):
            if one is not None:
                one.close()

    def _within(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        for piece in pieces:
            if self._inner:
                yield from self._inner.decompress(piece)
            else:
                yield piece

    def _recognized(self) -> Decompressor:
        if self._reader is None:
            found = (one for one in WRAPPERS if one.magic.match(self._head))
            self._wrapper = next(found, None) if self._depth else None
            if self._wrapper is None or (self._wrapper is GPG and not self._decrypt):
                self._reader = decompressor(None)
            else:
                self._inner = Decoder(decrypt=self._decrypt, depth=self._depth - 1)
                self._reader = self._wrapper.reader()
        return self._reader


@dataclass(frozen=True, slots=True)
class Head:
    """How a stored dump begins."""

    wrappers: tuple[Wrapper, ...]
    """What it is wrapped in, the outermost first."""
    data: bytes
    """The first ``HEAD`` bytes of what is within, or all of it if there are fewer."""

    @property
    def hidden(self) -> bool:
        """Whether it is encrypted and was not decrypted."""
        return GPG in self.wrappers and bool(GPG.magic.match(self.data))


def read_head(source: Source, *, decrypt: bool) -> Head:
    """Return how a dump begins. Raises ``BackupRejected``, or what reading it does."""
    with closing(Decoder(decrypt=decrypt)) as decoder, interruptible():
        data = b""
        while len(data) < HEAD and (chunk := source.read(_CHUNK)):
            for piece in decoder.decompress(chunk):
                data += piece
                if len(data) >= HEAD:
                    break
        if len(data) < HEAD:
            data += b"".join(decoder.finish())
        return Head(decoder.wrappers, data[:HEAD])

"""What a command of rclone prints while it runs, line by line."""

from collections.abc import Generator, Sequence

from ..exceptions import RcloneError
from ..interrupts import interruptible
from ..processes import Process
from .binary import RcloneBinary
from .copies import NAMED, lines_of
from .requests import as_folder


def lines(
    binary: RcloneBinary,
    verb: str,
    folder: str,
    flags: Sequence[str],
    names: Sequence[str] | None = None,
) -> Generator[bytes, None, None]:
    """Yield what ``verb`` says of a folder, or of ``names`` in it; nothing if it does not exist.

    Raises ``RcloneError``.
    """
    # As ``Remote`` does: crypt reports a folder as missing if it got no answer.
    for _ in range(2):
        found = False
        for line in _lines_once(binary, verb, folder, flags, names):
            found = True
            yield line
        if found:
            return


def _lines_once(
    binary: RcloneBinary,
    verb: str,
    folder: str,
    flags: Sequence[str],
    names: Sequence[str] | None,
) -> Generator[bytes, None, None]:
    named = () if names is None else (NAMED,)
    process = binary.process(verb, as_folder(folder), flags=(*flags, *named))
    rest = b""
    try:
        with process:
            with interruptible():
                process.write(lines_of(names or ()))
                process.close_input()
            while data := _read(process):
                *whole, rest = (rest + data).split(b"\n")
                yield from whole
            with interruptible():
                process.finish()
    except RcloneError as error:
        if not error.missing:
            raise
    if rest:
        yield rest


def _read(process: Process) -> bytes:
    with interruptible():
        return process.read()

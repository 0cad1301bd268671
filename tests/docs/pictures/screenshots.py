"""Take pictures of pages, and store a hash of the page in each."""

import hashlib
import re
import shutil
import struct
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

WIDTH = 760

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_KEYWORD = "Source"
_COLOURS = 128
_MEASURE = "<script>document.title = document.documentElement.scrollHeight</script></body>"


def digest(page: str) -> str:
    """Return the hash of a page."""
    return hashlib.sha256(page.encode()).hexdigest()


def take(page: str, target: Path) -> None:
    """Write the picture of a page. Raises ``SystemExit`` if Chromium is missing."""
    with tempfile.TemporaryDirectory() as folder:
        source, picture = Path(folder) / "page.html", Path(folder) / "page.png"
        source.write_text(page.replace("</body></html>", f"{_MEASURE}</html>"))
        measured = _chromium(folder, f"--window-size={WIDTH},100", "--dump-dom", source.as_uri())
        height = re.findall(r"<title>(\d+)</title>", measured)[0]
        source.write_text(page)
        size = f"--window-size={WIDTH},{height}"
        _chromium(folder, size, f"--screenshot={picture}", source.as_uri())
        _store(picture, target, digest(page))


def source_of(picture: bytes) -> str | None:
    """Return the hash of the page that a picture shows."""
    for kind, content in _chunks(picture):
        # https://www.w3.org/TR/png/#11tEXt
        keyword, _, text = content.decode("latin-1").partition("\0")
        if kind == b"tEXt" and keyword == _KEYWORD:
            return text
    return None


def _chunks(picture: bytes) -> Iterator[tuple[bytes, bytes]]:
    position = len(_SIGNATURE)
    while position < len(picture):
        length, kind = struct.unpack_from(">I4s", picture, position)
        yield kind, picture[position + 8 : position + 8 + length]
        position += length + 12


def _store(picture: Path, target: Path, source: str) -> None:
    # Only who takes pictures needs it.
    from PIL import Image, PngImagePlugin

    note = PngImagePlugin.PngInfo()
    note.add_text(_KEYWORD, source)
    with Image.open(picture) as image:
        small = image.convert("RGB").quantize(_COLOURS, method=Image.Quantize.MAXCOVERAGE)
        small.save(target, optimize=True, pnginfo=note)


def _chromium(folder: str, *arguments: str) -> str:
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        raise SystemExit("Pictures are taken by Chromium, of which there is none on PATH.")
    done = subprocess.run(
        [
            program,
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--hide-scrollbars",
            f"--user-data-dir={folder}/profile",
            *arguments,
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        timeout=240,
        check=True,
    )
    return done.stdout

"""The recipes by hand on the page about media files."""

import os
import re
import subprocess
import sys

import pytest

from tests.docs.texts import PAGES, blocks
from tests.support.media_state import read_state
from tests.support.site import RCLONE, DjangoSite

PAGE = PAGES / "media.md"


@pytest.fixture
def run(site: DjangoSite) -> str:
    """The name of a run, with odd names, links and empty files and folders."""
    site.write_media({"avatars/7.jpg": b"seven", "empty": b"", "a\nb ": b"odd"})
    (site.media / "folder").mkdir()
    (site.media / "link").symlink_to("avatars/7.jpg")
    with open(os.path.join(os.fsencode(site.media), b"\xff"), "wb") as file:
        file.write(b"not text")
    site.call("mediabackup")
    name: str = site.backups("--media")[0]["name"]
    return name


def shell(site: DjangoSite, command: str) -> str:
    done = subprocess.run(
        command,
        shell=True,
        cwd=site.folder,
        env={**os.environ, "PATH": f"{RCLONE.parent}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def commands(site: DjangoSite, run: str) -> list[str]:
    """Return the commands of both recipes, for this run and this remote."""
    text = PAGE.read_text().partition("## By hand")[2]
    lines = re.findall(r"^\$ (.+)$", text, re.MULTILINE)
    python = f'"{sys.executable}" -c "import sys; from backports import zstd; '
    unpack = f'{python}sys.stdout.buffer.write(zstd.decompress(sys.stdin.buffer.read()))"'
    return [
        re.sub(r"media-[\d-]+\.\w{8}\.index\.zst", run, line)
        .replace("backups:shop", str(site.remote))
        .replace("zstd -d", unpack)
        .replace("python3", f'"{sys.executable}"')
        for line in lines
    ]


def test_one_file_is_restored_by_hand(site: DjangoSite, run: str) -> None:
    read, find, copy, *_ = commands(site, run)
    shell(site, read)
    found = shell(site, find)
    match = re.search(r'"sha256":"(\w+)"', found)
    assert match
    shell(site, copy.replace("0c5a...", match[1]).replace("/0c/", f"/{match[1][:2]}/"))
    assert (site.folder / "7.jpg").read_bytes() == b"seven"


def test_all_files_are_restored_by_hand(site: DjangoSite, run: str) -> None:
    (script,) = [block.code for block in blocks(PAGE) if block.marker == "file: shop/by_hand.py"]
    (site.folder / "by_hand.py").write_text(script)
    read, _, _, everything, restore = commands(site, run)
    state = read_state(site.media)
    site.media.rename(site.folder / "lost")
    for command in (read, everything, restore):
        shell(site, command)
    assert read_state(site.media) == state

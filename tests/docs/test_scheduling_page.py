"""systemd takes the units on the page about scheduling."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.docs.texts import PAGES, blocks

ANALYZE = shutil.which("systemd-analyze")
PROGRAMS = ("/srv/shop/venv/bin/python", "/usr/local/bin/notify-ops")


def write_units(folder: Path) -> list[Path]:
    """Write the units, each under the name that the text before it gives, with a program that exists."""
    page = (PAGES / "scheduling.md").read_text()
    units = []
    for block in blocks(PAGES / "scheduling.md"):
        if block.language != "ini":
            continue
        before = page[: page.index(block.code)]
        name = before[before.rindex("/etc/systemd/system/") :].split("`")[0].rpartition("/")[2]
        code = block.code
        for program in PROGRAMS:
            code = code.replace(program, "/bin/echo")
        (folder / name).write_text(code)
        units.append(folder / name)
    return units


@pytest.mark.skipif(ANALYZE is None, reason="systemd is not installed")
def test_systemd_accepts_the_units(tmp_path: Path) -> None:
    units = write_units(tmp_path)
    assert len(units) == 3
    done = subprocess.run(
        [str(ANALYZE), "verify", "--man=no", *map(str, units)],
        check=False,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.skipif(ANALYZE is None, reason="systemd is not installed")
def test_a_wrong_unit_would_be_found(tmp_path: Path) -> None:
    [service, *_] = write_units(tmp_path)
    service.write_text(service.read_text().replace("ProtectSystem=strict", "ProtectSystm=strict"))
    done = subprocess.run(
        [str(ANALYZE), "verify", "--man=no", str(service)],
        check=False,
        capture_output=True,
        text=True,
    )
    assert "ProtectSystm" in done.stderr

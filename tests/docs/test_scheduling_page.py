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


def test_the_lines_of_cron_hand_the_secrets_to_the_command(tmp_path: Path) -> None:
    (block,) = [b for b in blocks(PAGES / "scheduling.md") if b.language == "crontab"]
    lines = [line for line in block.code.splitlines() if line[0].isdigit()]
    assert len(lines) == 3
    (tmp_path / "environment").write_text("BACKUP_PASSWORD=of_the-tests\n")
    python = tmp_path / "venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text('#!/bin/sh\necho "$PWD $BACKUP_PASSWORD $*"\n')
    python.chmod(0o700)
    for line in lines:
        command = line.split(maxsplit=5)[5].replace("/srv/shop", str(tmp_path))
        # As cron runs it: https://manpages.debian.org/bookworm/cron/crontab.5.en.html
        said = subprocess.run(
            ["/bin/sh", "-c", command],
            env={"PATH": "/usr/bin:/bin"},
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        assert said.startswith(f"{tmp_path} of_the-tests manage.py ")


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

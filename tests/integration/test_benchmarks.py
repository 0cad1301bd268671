"""The program that measures: one work from the data to the page."""

import json
import os
import subprocess
import sys

import pytest

from tests.benchmarks import page
from tests.support.site import REPOSITORY

pytestmark = pytest.mark.thorough


def test_one_work_is_done_compared_and_reported(tmp_path):
    report, temporary, output = (tmp_path / name for name in ("page.md", "tmp", "results"))
    temporary.mkdir()
    report.write_text(f"# Performance\n\n{page.BEGIN}{page.END}")
    done = subprocess.run(
        [
            *(sys.executable, "-m", "tests.benchmarks", "--size", "tiny", "--only", "sqlite"),
            *("--without", "dbbackup -z", "--contender", "broken=/bin/false:/missing/manage.py"),
            *("--output", str(output), "--write", str(report)),
        ],
        cwd=REPOSITORY,
        env={**os.environ, "TMPDIR": str(temporary)},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    results = json.loads((output / "results.json").read_text())
    problems = {(one["contender"], one["step"]): one["problem"] for one in results["series"]}
    for step in ("backup", "restore"):
        assert problems["django-rclone", step] == ""
        assert problems["shell", step] == ""
        assert (
            "exit status 1" in problems["broken", step] or "wrong data" in problems["broken", step]
        )
    assert "| backup | django-rclone | " in report.read_text()
    assert "<rect" in (output / "sqlite-folder.svg").read_text()
    assert list(temporary.iterdir()) == []

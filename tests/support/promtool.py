"""promtool, the program of Prometheus that checks metrics and alert rules."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.site import REPOSITORY

_INSTALLED = REPOSITORY / "build" / "promtool"  # by tests/install_servers.py


def promtool(*arguments: str, folder: Path, text: str = "") -> None:
    """Run promtool in a folder, with a text on its standard input. It must have no complaint.

    Skips the test where there is no promtool; where ``CI`` is set, fails it.
    """
    program = shutil.which("promtool") or shutil.which("promtool", path=_INSTALLED)
    if program is None:
        reason = "promtool was not found: DEVELOPERS.md says what to install"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    done = subprocess.run(
        [program, *arguments],
        cwd=folder,
        input=text,
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""

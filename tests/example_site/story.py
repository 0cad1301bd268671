"""The story of the demo, told on whatever database the site is set up for."""

import os
from pathlib import Path

from tests.example_site.site import Site


def require_that_a_wrecked_site_comes_back(folder: Path, url: str, programs: Path | None) -> None:
    """Back up a small site on another database, wreck it, restore it, compare it."""
    environment = {"JOURNAL_DATABASE_URL": url}
    if programs:
        environment["PATH"] = os.pathsep.join([str(programs), os.environ["PATH"]])
    site = Site(folder, environment)
    site.manage("migrate")
    site.manage("seed", "--users=5", "--entries=60", "--files=5")
    original = site.fingerprint()
    site.manage("dbbackup")
    site.manage("mediabackup")
    site.manage("damage", "--yes")
    assert site.fingerprint() != original
    site.manage("dbrestore", "--noinput", ALLOW_RESTORE="1")
    site.manage("mediarestore", "--noinput")
    assert site.fingerprint() == original

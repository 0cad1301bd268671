"""The example site as its users meet it: through manage.py, in a folder of its own."""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

SITE_DIR = Path(__file__).resolve().parents[2] / "example_site"


def clean_environment() -> dict[str, str]:
    """The environment of these tests without what would configure the site."""
    foreign = ("DJANGO_", "JOURNAL_", "NOTIFY_", "SLACK_", "HEALTHCHECK", "ALLOW_RESTORE")
    proxies = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(foreign) and name.upper() not in proxies
    }


def run(
    *argv: str, environment: Mapping[str, str], folder: Path
) -> subprocess.CompletedProcess[str]:
    """Run Python with ``argv``, without a terminal."""
    return subprocess.run(
        [sys.executable, *argv],
        cwd=folder,
        env={**clean_environment(), "PYTHONIOENCODING": "utf-8", **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        timeout=240,
        check=False,
    )


@dataclass(frozen=True, slots=True)
class ExampleSite:
    """A site with its own data folder."""

    data: Path
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def database(self) -> Path:
        return self.data / "db.sqlite3"

    @property
    def media(self) -> Path:
        return self.data / "media"

    @property
    def remote(self) -> Path:
        return self.data / "remote"

    def attempt(self, *argv: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a management command that may fail."""
        environment = {**self.environment, "JOURNAL_DATA_DIR": str(self.data), **environment}
        return run(str(SITE_DIR / "manage.py"), *argv, environment=environment, folder=self.data)

    def manage(self, *argv: str, **environment: str) -> str:
        """Run a management command that must work; return all that it said."""
        process = self.attempt(*argv, **environment)
        assert process.returncode == 0, f"{argv}: {process.stdout}{process.stderr}"
        return process.stdout + process.stderr

    def fingerprint(self) -> str:
        return self.manage("fingerprint", "--json")

    def copy_to(self, data: Path) -> "ExampleSite":
        shutil.copytree(self.data, data)
        return ExampleSite(data)

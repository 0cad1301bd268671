"""Where and when it was measured: the machine, and the versions of everything."""

import os
import platform
import re
import subprocess
from datetime import datetime
from importlib import metadata
from pathlib import Path

import django_rclone
from tests.support.servers.postgresql import has_icu, installations
from tests.support.site import RCLONE

_PROGRAMS = {
    "MariaDB": ("mariadb", "--version"),
    "SQLite": ("sqlite3", "--version"),
    "zstd": ("zstd", "--version"),
    "rclone": (str(RCLONE), "version"),
}
_PACKAGES = ("django", "django-dbbackup", "psycopg", "zstandard")


def postgresql_programs() -> tuple[int, Path] | None:
    """Return the major version of the PostgreSQL that is measured, and where its programs are.

    It is the newest that can have the models of Django, if any can.
    """
    found = list(installations().items())
    return next((one for one in reversed(found) if has_icu(one[1])), found[-1] if found else None)


def circumstances(begun: datetime) -> dict[str, object]:
    """Return what a reader must know of the machine and of the versions."""
    versions = {"Python": platform.python_version(), "django-rclone": django_rclone.__version__}
    for package in _PACKAGES:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    if found := postgresql_programs():
        versions["PostgreSQL"] = _version((str(found[1] / "pg_dump"), "--version"))
    versions |= {name: _version(command) for name, command in _PROGRAMS.items()}
    return {
        "date": begun.date().isoformat(),
        "cores": len(os.sched_getaffinity(0)),
        "processor": _processor(),
        "memory": _memory(),
        "system": platform.platform(terse=True),
        "load": os.getloadavg()[2],
        "versions": versions,
    }


def sentence(facts: dict[str, object]) -> str:
    """Return them in words."""
    versions = facts["versions"]
    assert isinstance(versions, dict)
    listed = ", ".join(f"{name} {version}" for name, version in versions.items())
    return (
        f"Measured on {facts['date']}, on {facts['cores']} cores ({facts['processor']},"
        f" {facts['memory']:.0f} GB of memory, {facts['system']}), with {listed}."
    )


def _version(command: tuple[str, ...]) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError:
        return "missing"
    match = re.search(r"\d+\.\d+(\.\d+)?", done.stdout.replace("Ver 15.1", ""))
    return match[0] if match else "unknown"


def _processor() -> str:
    text = Path("/proc/cpuinfo").read_text()
    match = re.search(r"model name\s*: (.+)", text)
    return match[1].strip() if match else platform.machine()


def _memory() -> float:
    """Return the gigabytes of the machine."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9

"""Bring what the tests of MariaDB need and no wheel holds: the server, and mysqlclient.

Run before the tests. On Debian and Ubuntu it installs packages, as root or by a sudo
that asks nothing; elsewhere it says what to install. It does nothing when all is there.
None of the packages starts a server of the system.
"""

import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

PROGRAMS = ("mariadbd", "mariadb-install-db", "mariadb", "mariadb-dump")
PACKAGES = ("mariadb-server-core", "mariadb-client")
# mysqlclient comes as source only.
LIBRARY_PACKAGES = ("libmariadb-dev", "pkg-config", "gcc")
SEARCHED = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/bin"])


def main() -> None:
    """Install what is missing, or say what is."""
    if os.environ.get("TEST_MYSQL_URL"):
        return
    if not all(shutil.which(program, path=SEARCHED) for program in PROGRAMS):
        install(PACKAGES)
    if importlib.util.find_spec("MySQLdb") is None:
        if not Path("/usr/include/mariadb/mysql.h").exists():
            install(LIBRARY_PACKAGES)
        run([sys.executable, "-m", "pip", "install", "--quiet", "mysqlclient>=2.2.1"])


def install(packages: Sequence[str]) -> None:
    """Install packages of Debian or Ubuntu; elsewhere, say so."""
    prefix = [] if os.getuid() == 0 else ["sudo", "-n"]
    if not shutil.which("apt-get") or (prefix and not shutil.which("sudo")):
        print(f"For the tests of MariaDB install {', '.join(packages)} or their like.")
        return
    environment = {"DEBIAN_FRONTEND": "noninteractive"}
    command = [*prefix, "apt-get", "install", "--yes", "--quiet", "--no-install-recommends"]
    if not run([*command, *packages], environment):
        # On a fresh machine nothing is known of packages yet.
        run([*prefix, "apt-get", "update", "--quiet"], environment)
        run([*command, *packages], environment)


def run(command: Sequence[str], environment: dict[str, str] | None = None) -> bool:
    """Run a command, and show what it says only when it fails."""
    done = subprocess.run(
        command,
        env={**os.environ, **(environment or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if done.returncode != 0:
        print(f"{' '.join(command)} failed:\n{done.stdout[-2000:]}")
    return done.returncode == 0


if __name__ == "__main__":
    main()

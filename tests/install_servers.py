"""Bring what no wheel holds: MariaDB, PgBouncer, PostGIS, mysqlclient and promtool.

Run before the tests. On Debian and Ubuntu it installs packages, as root or by a sudo
that asks nothing; elsewhere it says what to install. It does nothing when all is there.
None of the packages is allowed to start a server of the system. Of Prometheus, which is
one, only the program that checks its files is taken out of the package, to build/promtool.
"""

import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

MARIADB = ("mariadbd", "mariadb-install-db", "mariadb", "mariadb-dump")
MARIADB_PACKAGES = ("mariadb-server-core", "mariadb-client")
# mysqlclient comes as source only.
LIBRARY_PACKAGES = ("libmariadb-dev", "pkg-config", "gcc")
PROMTOOL = Path(__file__).parent.parent / "build" / "promtool" / "promtool"
SEARCHED = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/bin"])
ENVIRONMENT = (
    "DEBIAN_FRONTEND=noninteractive",
    # What keeps Debian's scripts from starting what they have installed: the first where
    # init is systemd, the second elsewhere.
    "SYSTEMD_OFFLINE=1",
    "RUNLEVEL=1",
)


def main() -> None:
    """Install what is missing, or say what is."""
    if not os.environ.get("TEST_POSTGRES_URL"):
        if not is_there("pgbouncer"):
            install("PgBouncer", ["pgbouncer"])
        if packages := list(missing_postgis()):
            install("PostGIS", packages)
    if not os.environ.get("TEST_MYSQL_URL"):
        install_mariadb()
    if not is_there("promtool") and not PROMTOOL.exists():
        unpack_promtool()


def install_mariadb() -> None:
    """Install the server, its programs and mysqlclient."""
    if not is_there(*MARIADB):
        install("MariaDB", MARIADB_PACKAGES)
    if importlib.util.find_spec("MySQLdb") is None:
        if not Path("/usr/include/mariadb/mysql.h").exists():
            install("MariaDB", LIBRARY_PACKAGES)
        run([sys.executable, "-m", "pip", "install", "--quiet", "mysqlclient>=2.2.1"])


def is_there(*programs: str) -> bool:
    """Return whether all programs are found."""
    return all(shutil.which(program, path=SEARCHED) for program in programs)


def missing_postgis() -> Iterator[str]:
    """Yield the packages that the versions of PostgreSQL from Debian's packages lack."""
    for folder in Path("/usr/lib/postgresql").glob("*/bin/postgres"):
        version = folder.parts[-3]
        if not Path(f"/usr/share/postgresql/{version}/extension/postgis.control").exists():
            yield f"postgresql-{version}-postgis-3"


def install(needed_for: str, packages: Sequence[str]) -> None:
    """Install packages of Debian or Ubuntu; elsewhere, say so."""
    prefix = as_root()
    if not shutil.which("apt-get") or not shutil.which(prefix[0]):
        print(f"For the tests of {needed_for} install {', '.join(packages)} or their like.")
        return
    command = [*prefix, "apt-get", "install", "--yes", "--quiet", "--no-install-recommends"]
    if not run([*command, *packages]):
        # On a fresh machine nothing is known of packages yet.
        run([*prefix, "apt-get", "update", "--quiet"])
        run([*command, *packages])


def unpack_promtool() -> None:
    """Take promtool out of Debian's package of Prometheus. Needs no root."""
    if not shutil.which("apt-get") or not shutil.which("dpkg-deb"):
        print("For the tests of the alert rules install promtool, of Prometheus.")
        return
    PROMTOOL.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=PROMTOOL.parent) as folder:
        if not run(["apt-get", "download", "--quiet", "prometheus"], folder):
            run([*as_root(), "apt-get", "update", "--quiet"])
            run(["apt-get", "download", "--quiet", "prometheus"], folder)
        for package in Path(folder).glob("prometheus_*.deb"):
            if run(["dpkg-deb", "--extract", str(package), folder]):
                Path(folder, "usr/bin/promtool").replace(PROMTOOL)


def as_root() -> list[str]:
    """Return what comes before a command to run it as root."""
    prefix = ["env", *ENVIRONMENT]
    return prefix if os.getuid() == 0 else ["sudo", "-n", *prefix]


def run(command: Sequence[str], folder: str | None = None) -> bool:
    """Run a command, and show what it says only when it fails."""
    done = subprocess.run(
        command,
        cwd=folder,
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

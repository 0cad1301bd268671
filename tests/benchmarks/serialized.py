"""Time the client for any engine side by side with the one for SQLite.

Both run in turn on the same database and the same disk, as whole processes, and
the ratio is formed round by round: the speed of the machine cancels out.

    hatch run bench:serialized --rows 200000 --rounds 3
"""

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import django
from django.conf import settings

from tests import settings as test_settings
from tests.integration.clients.orm import sample_data
from tests.support.site import DjangoSite

MEGABYTE = 1_000_000
CONTENDERS = {"native": None, "serialized": sample_data.CLIENT}


def main() -> None:
    """Make a database, run all rounds, and print a line for each command."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        site = DjangoSite(Path(name))
        path = site.folder / "sample_models.sqlite3"
        site.databases["default"] = {"ENGINE": "django.db.backends.sqlite3", "NAME": str(path)}
        wanted = sample_data.settings_for()
        site.extra_settings = "\n".join(f"{key} = {value!r}" for key, value in wanted.items())
        settings.configure(
            SECRET_KEY=test_settings.SECRET_KEY, DATABASES=site.databases, USE_TZ=True, **wanted
        )
        django.setup()
        sample_data.create_tables("default")
        sample_data.add_rows("default", rows=arguments.rows)
        print(f"{arguments.rows:,} rows, a file of {path.stat().st_size / MEGABYTE:,.0f} MB")
        for command in (["dbbackup"], ["dbrestore", "--noinput"]):
            compare(site, command, arguments.rounds)


def compare(site: DjangoSite, command: list[str], rounds: int) -> None:
    """Run a command of both clients in turn, and print medians and the ratio."""
    seconds: dict[str, list[float]] = {name: [] for name in CONTENDERS}
    for _ in range(rounds):
        for name, backend in CONTENDERS.items():
            site.rclone["CLIENTS"] = {"default": {"BACKEND": backend}}
            site.rclone["REMOTE"] = str(site.remote / name)
            clock = time.perf_counter()
            done = site.manage(*command)
            seconds[name].append(time.perf_counter() - clock)
            if done.returncode:
                raise SystemExit(done.stderr)
    native, serialized = seconds.values()
    ratios = [b / a for a, b in zip(native, serialized, strict=True)]
    print(
        f"{command[0]}: native {statistics.median(native):.2f} s, "
        f"serialized {statistics.median(serialized):.2f} s, "
        f"ratio {statistics.median(ratios):.1f} ({min(ratios):.1f} - {max(ratios):.1f})"
    )


if __name__ == "__main__":
    main()

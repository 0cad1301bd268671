"""Measure the memory of our own process while a large table is backed up and restored.

    hatch run bench:memory --megabytes 2000

The programs that it starts (rclone, dump tools) are other processes, and not counted.
"""

import argparse
import re
import subprocess
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from tests.integration.postgresql.servers import installations, started
from tests.sites import Site

MEGABYTE = 1_000_000
ROW = "n, string_agg(md5((n * 100 + m)::text), '')"
FILL = f"""
CREATE TABLE bulk (id bigint PRIMARY KEY, body text);
INSERT INTO bulk SELECT {ROW} FROM generate_series(1, {{rows}}) n, generate_series(1, 31) m GROUP BY n;
"""


def main() -> None:
    """Fill a table, then print a line for each command."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--megabytes", type=int, default=2000)
    arguments = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        major, programs = list(installations().items())[-1]
        server = stack.enter_context(started(major, programs))
        with server.connect() as connection:
            connection.execute(FILL.format(rows=arguments.megabytes * 1000).encode())
            query = b"SELECT pg_total_relation_size('bulk')"
            (filled,) = connection.execute(query).fetchone() or (0,)
        print(f"PostgreSQL {major}, a table of {filled / MEGABYTE:,.0f} MB")
        site = Site(folder)
        site.databases["default"] = {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": "postgres",
            "USER": server.user,
            "PASSWORD": server.password,
            "HOST": server.host,
            "PORT": server.port,
        }
        options = {"tools_folder": str(server.programs)}
        site.rclone["CLIENTS"] = {"default": {"OPTIONS": options}}
        for command in (["dbbackup"], ["dbrestore", "--noinput"]):
            clock = time.monotonic()
            peak = peak_of(site.start(*command))
            print(f"{command[0]}: {peak:,.0f} MB at most, {time.monotonic() - clock:,.0f} s")


def peak_of(process: subprocess.Popen[str]) -> float:
    """Return the most memory that a process held until its end, in megabytes."""
    peak = 0.0
    while process.poll() is None:
        status = Path(f"/proc/{process.pid}/status").read_text()
        if found := re.search(r"VmHWM:\s+(\d+) kB", status):
            peak = max(peak, int(found[1]) * 1024 / MEGABYTE)
        time.sleep(0.05)
    if process.returncode != 0:
        raise SystemExit(process.communicate()[1])
    return peak


if __name__ == "__main__":
    main()

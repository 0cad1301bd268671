"""Measure the memory of our own process while a large table is backed up and restored.

    hatch run bench:memory --megabytes 2000

The programs that it starts (rclone, dump tools) are other processes, and not counted.
"""

import argparse
import re
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.support.servers.mysql import MysqlServer
from tests.support.servers.postgresql import PostgresqlServer, installations
from tests.support.site import DjangoSite

MEGABYTE = 1_000_000
ROW = "n, string_agg(md5((n * 100 + m)::text), '')"
FILL_POSTGRESQL = f"""
CREATE TABLE bulk (id bigint PRIMARY KEY, body text);
INSERT INTO bulk SELECT {ROW} FROM generate_series(1, {{rows}}) n, generate_series(1, 31) m GROUP BY n;
"""
FILL_MARIADB = """
INSERT INTO bulk SELECT seq, concat({words}) FROM seq_1_to_{rows}
"""


def main() -> None:
    """Fill a table in each engine, then print a line for each command."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--megabytes", type=int, default=2000)
    parser.add_argument("--engine", choices=list(ENGINES), action="append")
    arguments = parser.parse_args()
    for engine in arguments.engine or ENGINES:
        with tempfile.TemporaryDirectory() as folder, ENGINES[engine](arguments.megabytes) as found:
            site = DjangoSite(Path(folder))
            site.databases["default"], options = found
            site.rclone["CLIENTS"] = {"default": {"OPTIONS": options}}
            for command in (["dbbackup"], ["dbrestore", "--noinput"]):
                clock = time.monotonic()
                peak = peak_of(site.start(*command))
                took = time.monotonic() - clock
                print(f"{engine}, {command[0]}: {peak:,.0f} MB at most, {took:,.0f} s", flush=True)


@contextmanager
def filled_postgresql(megabytes: int) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Yield an entry of DATABASES, and the client's options."""
    major = max(installations())
    with PostgresqlServer.started(major) as server:
        with server.connect() as connection:
            connection.execute(FILL_POSTGRESQL.format(rows=megabytes * 1000).encode())
            query = b"SELECT pg_total_relation_size('bulk')"
            (size,) = connection.execute(query).fetchone() or (0,)
        print(f"PostgreSQL {major}, a table of {size / MEGABYTE:,.0f} MB", flush=True)
        settings = {"ENGINE": "django.db.backends.postgresql", "NAME": "postgres"}
        yield settings | _address(server), {"tools_folder": str(server.programs)}


@contextmanager
def filled_mariadb(megabytes: int) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Yield an entry of DATABASES, and the client's options."""
    with MysqlServer.running() as server:
        words = ", ".join(f"sha1(seq * 100 + {n})" for n in range(25))
        server.run(
            "CREATE DATABASE bulk", "CREATE TABLE bulk.bulk (id bigint PRIMARY KEY, body text)"
        )
        server.run(FILL_MARIADB.format(words=words, rows=megabytes * 1000), database="bulk")
        print(f"MariaDB, a table of at least {megabytes:,.0f} MB", flush=True)
        settings = {"ENGINE": "django.db.backends.mysql", "NAME": "bulk"}
        yield settings | _address(server), {}


def _address(server: Any) -> dict[str, Any]:
    return {
        "USER": server.user,
        "PASSWORD": server.password,
        "HOST": server.host,
        "PORT": server.port,
    }


ENGINES = {"postgresql": filled_postgresql, "mariadb": filled_mariadb}


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

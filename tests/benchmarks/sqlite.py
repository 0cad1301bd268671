"""Time backup and restore of a SQLite database side by side with django-dbbackup.

Both run in turn on the same database and the same disk, as whole processes, and
the ratio is formed round by round: the speed of the machine cancels out.

    hatch run bench:sqlite --megabytes 200 --rounds 5
"""

import argparse
import os
import random
import resource
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

SETTINGS = """\
SECRET_KEY = "benchmark"
INSTALLED_APPS = ["django.contrib.contenttypes", "django_rclone", "dbbackup"]
DATABASES = {{"default": {{"ENGINE": "django.db.backends.sqlite3", "NAME": "{folder}/db.sqlite3"}}}}
DJANGO_RCLONE = {{"REMOTE": "{folder}/ours"}}
STORAGES = {{
    "dbbackup": {{
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {{"location": "{folder}/peer"}},
    }},
}}
"""
CONTENDERS = {
    "django-rclone": "django_rclone.management.commands",
    "django-dbbackup": "dbbackup.management.commands",
}
RUN = "import sys, django; django.setup(); from {module} import {command}; \
from django.core.management import call_command; \
call_command({command}.Command(), verbosity=0, **{options})"


def main() -> None:
    """Make a database, run all rounds, and print a line for each operation."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--megabytes", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for store in ("ours", "peer"):
            (folder / store).mkdir()
        (folder / "benchmark_settings.py").write_text(SETTINGS.format(folder=folder))
        make_database(folder / "db.sqlite3", arguments.megabytes)
        for command, options in (("dbbackup", {}), ("dbrestore", {"interactive": False})):
            compare(folder, command, options, arguments.rounds)
        for store in ("ours", "peer"):
            newest = max((p for p in (folder / store).rglob("*") if p.is_file()), key=size)
            print(f"stored by {store}: {size(newest) / 1e6:,.0f} MB")
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(f"largest process of all: {peak:,.0f} MB")


def compare(folder: Path, command: str, options: dict[str, bool], rounds: int) -> None:
    """Run a command of both contenders in turn, and print medians and the ratio."""
    seconds: dict[str, list[float]] = {name: [] for name in CONTENDERS}
    for number in range(rounds + 1):
        for name, module in CONTENDERS.items():
            took = timed(folder, RUN.format(module=module, command=command, options=options))
            if number > 0:  # the first round warms up
                seconds[name].append(took)
    ours, peer = seconds.values()
    ratios = [a / b for a, b in zip(ours, peer, strict=True)]
    print(
        f"{command}: django-rclone {statistics.median(ours):.2f} s, "
        f"django-dbbackup {statistics.median(peer):.2f} s, "
        f"ratio {statistics.median(ratios):.2f} ({min(ratios):.2f} - {max(ratios):.2f})"
    )


def timed(folder: Path, code: str) -> float:
    """Run Python code as a process of its own, and return its seconds."""
    environment = {
        **os.environ,
        "PYTHONPATH": str(folder),
        "DJANGO_SETTINGS_MODULE": "benchmark_settings",
    }
    started = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], env=environment, check=True)
    return time.perf_counter() - started


def make_database(path: Path, megabytes: int) -> None:
    """Write rows of words, which compress about as well as real text."""
    seeded = random.Random(1)
    words = ["".join(seeded.choices("abcdefghijklmnopqrstuvwxyz", k=7)) for _ in range(20_000)]
    rows = ((" ".join(seeded.choices(words, k=125)),) for _ in range(megabytes * 1000))
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE entry (id INTEGER PRIMARY KEY, body TEXT)")
        connection.executemany("INSERT INTO entry (body) VALUES (?)", rows)


def size(path: Path) -> int:
    """Return the bytes of a file."""
    return path.stat().st_size


if __name__ == "__main__":
    main()

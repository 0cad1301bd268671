"""What django-rclone costs as the work grows."""

from dataclasses import replace

from tests.benchmarks.bench import Bench
from tests.benchmarks.contenders import OURS, Contender, Place
from tests.benchmarks.measure import Run
from tests.benchmarks.steps import Step
from tests.benchmarks.subject import Subject, shop
from tests.benchmarks.works import listings

_LARGE = 1_000
"""Megabytes from which one round is enough."""


def growth(bench: Bench) -> None:
    """Let the size of a database, the number of backups, and the number of databases grow."""
    for engine in ("sqlite", "postgresql", "mariadb"):
        for megabytes in bench.size.growth_megabytes:
            _one_size(bench, engine, megabytes)
    subject = shop(bench.engine("sqlite"), "grown", 1)
    try:
        for count in bench.size.growth_backups:
            _backups(bench, subject, count)
    finally:
        subject.close()
    for count in bench.size.growth_databases:
        _databases(bench, count)


def _one_size(bench: Bench, engine: str, megabytes: int) -> None:
    bench.progress.say(f"growth: making {megabytes} MB of {engine}")
    subject = shop(bench.engine(engine), "grown", megabytes)

    def spoil(contender: Contender) -> None:
        subject.spoil()

    def check(contender: Contender, run: Run) -> tuple[str, str]:
        return subject.check()

    backup = Step(
        name="backup",
        title=f"{engine}: backup",
        contenders=[OURS],
        place=lambda: bench.place("growth", "folder", subject),
        servers=subject.engine.pids,
        engine=engine,
        rounds=1 if megabytes >= _LARGE else None,
        amount=megabytes,
    )
    restore = replace(backup, name="restore", title=f"{engine}: restore", before=spoil, check=check)
    try:
        bench.measure("growth", backup, restore)
        bench.forget("growth", "folder")
    finally:
        subject.close()


def _backups(bench: Bench, subject: Subject, count: int) -> None:
    place = bench.place("growth", "folder", subject)
    listings.make(bench, place, [OURS], count)
    bench.measure(
        "growth",
        Step(
            name="list",
            title="list backups",
            contenders=[OURS],
            place=lambda: place,
            check=listings.shows(count),
            amount=count,
        ),
    )
    bench.forget("growth", "folder")


def _databases(bench: Bench, count: int) -> None:
    engine = bench.engine("sqlite")
    subjects = [shop(engine, f"grown_{number}", 0.1) for number in range(count)]
    names = ["default", *(f"db{number}" for number in range(1, count))]
    databases = {name: one.database.settings for name, one in zip(names, subjects, strict=True)}

    def place() -> Place:
        return bench.place("growth", "folder", databases=databases)

    try:
        bench.measure(
            "growth",
            Step(
                name="backup all",
                title="back up all databases",
                contenders=[OURS],
                place=place,
                amount=count,
            ),
        )
        bench.forget("growth", "folder")
    finally:
        for subject in subjects:
            subject.close()

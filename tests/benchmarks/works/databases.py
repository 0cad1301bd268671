"""Backups and restores of one database."""

from collections.abc import Sequence
from dataclasses import replace

from tests.benchmarks.bench import Bench
from tests.benchmarks.contenders import Contender, Place
from tests.benchmarks.measure import Run
from tests.benchmarks.pipelines import shell, shell_with_swap
from tests.benchmarks.steps import Step
from tests.benchmarks.subject import Subject, models_of_django, shop

_ENGINES = ("sqlite", "postgresql", "mariadb")


def sqlite(bench: Bench) -> None:
    """Back up and restore one database of SQLite."""
    _one_database(bench, "sqlite")


def postgresql(bench: Bench) -> None:
    """Back up and restore one database of PostgreSQL."""
    _one_database(bench, "postgresql")


def mariadb(bench: Bench) -> None:
    """Back up and restore one database of MariaDB."""
    _one_database(bench, "mariadb")


def tiny(bench: Bench) -> None:
    """Back up and restore a database of 1 MB: what a command costs before there is any data."""
    for engine in ("sqlite", "postgresql") if bench.size.warm_up else ("sqlite",):
        subject = shop(bench.engine(engine), "tiny", 1)
        back_up_and_restore(bench, f"tiny {engine}", subject, ("folder", "far"))


def tables(bench: Bench) -> None:
    """Back up and restore many small tables: the models of Django's own tests."""
    for engine in _ENGINES:
        subject = models_of_django(bench.engine(engine), "tables", bench.size.one_in)
        count = len(subject.engine.sums(subject.database))
        bench.progress.say(f"{engine}: {count} tables")
        back_up_and_restore(bench, f"tables {engine}", subject, ("folder",))


def _one_database(bench: Bench, engine: str) -> None:
    bench.progress.say(f"{engine}: making {bench.size.megabytes} MB")
    subject = shop(bench.engine(engine), "shop", bench.size.megabytes)
    back_up_and_restore(bench, engine, subject)


def back_up_and_restore(
    bench: Bench,
    work: str,
    subject: Subject,
    remotes: tuple[str, ...] = (),
    contenders: Sequence[Contender] | None = None,
) -> None:
    """Measure both, on each remote; then remove the database.

    Without ``contenders`` all are measured that can do it.
    """
    measured = _all(bench, subject) if contenders is None else contenders

    def spoil(contender: Contender) -> None:
        subject.spoil()

    def check(contender: Contender, run: Run) -> tuple[str, str]:
        return subject.check()

    try:
        for remote in bench.remotes_of(remotes):

            def place(remote: str = remote) -> Place:
                return bench.place(work, remote, subject)

            backup = Step(
                name="backup",
                title="backup",
                contenders=measured,
                place=place,
                servers=subject.engine.pids,
                engine=subject.engine.name,
            )
            restore = replace(backup, name="restore", title="restore", before=spoil, check=check)
            rehearsal = replace(backup, name="rehearsal", title="rehearsal")
            bench.measure(work, backup, restore, rehearsal)
            bench.forget(work, remote)
    finally:
        subject.close()


def _all(bench: Bench, subject: Subject) -> list[Contender]:
    engine = subject.engine.name
    pipelines = [shell(engine)] if engine == "sqlite" else [shell(engine), shell_with_swap(engine)]
    return [*bench.packages(), *pipelines]

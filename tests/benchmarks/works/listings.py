"""Many backups: list them, find the newest, clean up."""

import re
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from tests.benchmarks.bench import Bench
from tests.benchmarks.contenders import DBBACKUP, OURS, Contender, Place
from tests.benchmarks.many_backups import copy_plain, copy_signed
from tests.benchmarks.measure import Run, measure
from tests.benchmarks.pipelines import LISTING
from tests.benchmarks.steps import Step, cold
from tests.benchmarks.subject import Subject, shop

_NAME = re.compile(r"default-\S*\d{4}-\d\d-\d\d-\d{6}\S*")
_SEEN = 1.5
"""Seconds after which the S3, which caches a listing for one, sees files made behind it."""


def listings(bench: Bench) -> None:
    """List many real backups, restore the newest of them, and back up with a clean-up."""
    subject = shop(bench.engine("sqlite"), "listed", 1)
    try:
        for remote in bench.remotes_of():
            for count in bench.size.listings:
                among(bench, f"listings {count:,}", remote, subject, count)
    finally:
        subject.close()


def among(bench: Bench, work: str, remote: str, subject: Subject, count: int) -> None:
    """Measure all steps among so many backups of each contender."""

    def place() -> Place:
        return bench.place(work, remote, subject)

    bench.progress.say(f"{work}, {remote}: making backups")
    wanted = [one for one in (OURS, DBBACKUP, *bench.others) if one.name not in bench.without]
    contenders = make(bench, place(), wanted, count)
    listing = Step(
        name="list",
        title="list",
        contenders=[*contenders, LISTING],
        place=place,
        check=shows(count),
    )

    def spoil(contender: Contender) -> None:
        subject.spoil()

    def check(contender: Contender, run: Run) -> tuple[str, str]:
        return subject.check()

    bench.measure(
        work,
        replace(
            listing, title="list, nothing cached", before=lambda contender: cold(place(), contender)
        ),
        listing,
        replace(
            listing,
            name="restore",
            title="restore the newest",
            contenders=contenders,
            before=spoil,
            check=check,
        ),
        replace(
            listing,
            name="clean",
            title="back up and clean up",
            contenders=contenders,
            check=lambda contender, run: ("", ""),
        ),
    )
    bench.forget(work, remote)


def make(
    bench: Bench, place: Place, contenders: Sequence[Contender], count: int
) -> list[Contender]:
    """Let each contender make one backup, and copy it until there are so many.

    Returns those for which that was possible.
    """
    able = []
    for contender in contenders:
        command = contender.command("backup", place)
        assert command is not None
        run = measure(command, place.remote)
        try:
            if run.error:
                raise ValueError(run.error)
            copy = copy_signed if contender is OURS else copy_plain
            copy(contender.disk(place), count)
        except ValueError as error:
            bench.progress.say(f"{contender.name} is left out: {error}")
        else:
            able.append(contender)
    time.sleep(_SEEN)
    return able


def shows(count: int) -> Callable[[Contender, Run], tuple[str, str]]:
    """Return a check that a listing shows all, and that ours are verified."""

    def check(contender: Contender, run: Run) -> tuple[str, str]:
        if not run.output:
            return "", ""  # a warm-up
        shown = len(set(_NAME.findall(run.output)))
        if contender is LISTING:
            shown //= 2  # it shows the manifests as well
        unverified = len(re.findall(r"NOT VERIFIED", run.output, re.MULTILINE))
        wrong = shown != count or unverified
        return (f"shows {shown}, of which {unverified} not verified" if wrong else ""), ""

    return check

"""All databases of a site by one command."""

from dataclasses import replace

from tests.benchmarks.bench import Bench
from tests.benchmarks.contenders import OURS, OURS_TWO_AT_ONCE, Contender, Place
from tests.benchmarks.measure import measure
from tests.benchmarks.pipelines import BACKUP, Pipeline
from tests.benchmarks.steps import Step
from tests.benchmarks.subject import Subject, shop

_EACH = f"""
for PGDATABASE in $DATABASES; do
export PGDATABASE PGUSER="$PGDATABASE"
{BACKUP["postgresql"].replace("dump.zst", '"$PGDATABASE".zst')}
done
"""


def several(bench: Bench) -> None:
    """Back up several databases of PostgreSQL by one command: in turn, and two at once."""
    count, megabytes = bench.size.several
    engine = bench.engine("postgresql")
    bench.progress.say(f"several: making {count} databases of {megabytes} MB")
    subjects = [shop(engine, f"several_{number}", megabytes) for number in range(count)]
    try:
        for remote in bench.remotes_of(("folder",)):
            _on(bench, remote, subjects)
            bench.forget("several", remote)
    finally:
        for subject in subjects:
            subject.close()


def _on(bench: Bench, remote: str, subjects: list[Subject]) -> None:
    first = subjects[0]
    databases = {subject.name: subject.database.settings for subject in subjects}
    place = bench.place("several", remote, first)
    environ = {**place.environ, "DATABASES": " ".join(databases)}
    databases["default"] = databases.pop(first.name)
    place = replace(place, environ=environ, databases=databases)
    contenders: list[Contender] = [*bench.packages(), Pipeline("shell", {"backup all": _EACH})]
    if _has_jobs(place):
        contenders.insert(1, OURS_TWO_AT_ONCE)
    else:
        bench.progress.say("several: dbbackup has no --jobs")
    bench.measure(
        "several",
        Step(
            name="backup all",
            title="backup of all",
            contenders=contenders,
            place=lambda: place,
            servers=first.engine.pids,
        ),
    )


def _has_jobs(place: Place) -> bool:
    command = OURS.command("help of dbbackup", place)
    assert command is not None
    return "--jobs" in measure(command).output

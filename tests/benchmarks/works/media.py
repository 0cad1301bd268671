"""Media files: the first backup, nothing new, a little new, and the way back."""

from dataclasses import replace

from tests.benchmarks.bench import Bench
from tests.benchmarks.contenders import Contender, Place
from tests.benchmarks.measure import Run
from tests.benchmarks.media import change_files, empty, fingerprint, write_files
from tests.benchmarks.pipelines import SYNC
from tests.benchmarks.steps import Step


def media(bench: Bench) -> None:
    """Back up media files for the first time, unchanged, and with 1 % changed; restore them."""
    folder = bench.folder / "media"
    folder.mkdir(exist_ok=True)
    for remote in bench.remotes_of():
        bench.progress.say(f"media: making {bench.size.media_files} files")
        write_files(folder, bench.size)
        _on(bench, remote)
        bench.forget("media", remote)


def _on(bench: Bench, remote: str) -> None:
    folder = bench.folder / "media"
    contenders = [*bench.packages(), SYNC]

    def place() -> Place:
        return bench.place("media", remote, media=folder)

    def forget(contender: Contender) -> None:
        empty(contender.disk(place()))

    def change(number: int) -> None:
        change_files(folder, number)

    def remove(contender: Contender) -> None:
        empty(folder)

    def check(contender: Contender, run: Run) -> tuple[str, str]:
        found = fingerprint(folder)
        wrong = {name for name in {*found, *expected} if found.get(name) != expected.get(name)}
        return (f"{len(wrong)} files differ" if wrong else ""), ""

    unchanged = Step(name="media backup", title="unchanged", contenders=contenders, place=place)
    bench.measure(
        "media",
        replace(unchanged, title="first backup", before=forget),
        unchanged,
        replace(unchanged, title="1 % changed", before_round=change),
    )
    expected = fingerprint(folder)
    bench.measure(
        "media",
        replace(unchanged, name="media restore", title="restore", before=remove, check=check),
    )

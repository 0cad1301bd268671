"""The program: ``hatch run bench``."""

import argparse
import json
import signal
import sys
import tempfile
import traceback
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.benchmarks import page, report
from tests.benchmarks.bench import Bench
from tests.benchmarks.circumstances import circumstances
from tests.benchmarks.contenders import OURS, parse_project
from tests.benchmarks.measure import last_words
from tests.benchmarks.pictures import pictures
from tests.benchmarks.remotes import REMOTES
from tests.benchmarks.sizes import SIZES
from tests.benchmarks.works import WORKS
from tests.support.site import REPOSITORY

_RESULTS = REPOSITORY / "build" / "benchmarks"


def main(arguments: list[str] | None = None) -> int:
    """Do the works that were asked for, and write what was found.

    Returns the exit status: 1 if django-rclone itself failed anywhere.
    """
    options = _parser().parse_args(arguments)
    # A shell lets programs in the background ignore the one, and nothing cleans up after the other.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    size = SIZES[options.size]
    if options.megabytes:
        size = replace(size, megabytes=options.megabytes)
    begun = datetime.now(UTC)
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-"))
        bench = Bench(
            size=size,
            folder=Path(folder),
            rounds=options.rounds or size.rounds,
            stack=stack,
            remotes=options.remote,
            others=options.contender,
            without=frozenset(options.without),
            round_trip=options.round_trip / 1000,
            rate=options.rate * 1e6,
        )
        problems = _problems_of(bench, options.only or list(WORKS))
    facts = {**circumstances(begun), **bench.facts(), "size": options.size, "problems": problems}
    _write(Path(options.output), facts, bench, options.write)
    return int(any(not one.right for one in bench.series if one.contender == OURS.name))


def _problems_of(bench: Bench, wanted: list[str]) -> list[str]:
    """Do all works that are wanted; return what could not be done. An interruption ends it."""
    problems = []
    try:
        for name, work in WORKS.items():
            if name in wanted:
                problems += _done(bench, name, work)
    except KeyboardInterrupt:
        bench.interrupted = True
        problems.append("the rest, since the program was interrupted")
    return problems


def _done(bench: Bench, name: str, work: Callable[[Bench], None]) -> list[str]:
    """Do one work; return why it could not be done."""
    try:
        work(bench)
    except pytest.skip.Exception as reason:
        problem = str(reason)
    except Exception as error:
        traceback.print_exc()
        problem = last_words(f"{type(error).__name__}: {error}")
    else:
        return []
    bench.progress.say(f"{name} is left out: {problem}")
    return [f"{name}: {problem}"]


def _write(output: Path, facts: dict[str, object], bench: Bench, to_page: str | None) -> None:
    output.mkdir(parents=True, exist_ok=True)
    results = {"circumstances": facts, "series": [one.as_json() for one in bench.series]}
    (output / "results.json").write_text(json.dumps(results, indent=1))
    text = report.markdown(facts, bench.series)
    (output / "results.md").write_text(text)
    for name, picture in pictures(bench.series).items():
        (output / f"{name}.svg").write_text(picture)
    print(text)
    print(f"Everything is in {output}.")
    if to_page and not bench.interrupted:
        page.write(Path(to_page), text)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="hatch run bench", description=__doc__)
    parser.add_argument("--size", choices=SIZES, default="default", help="how large the work is")
    parser.add_argument("--megabytes", type=int, help="of one database, instead of the size's")
    parser.add_argument("--only", choices=WORKS, action="append", help="a work; all by default")
    parser.add_argument("--remote", choices=REMOTES, action="append", default=[])
    parser.add_argument("--rounds", type=int, help="after one to warm up")
    parser.add_argument(
        "--contender",
        type=parse_project,
        action="append",
        default=[],
        metavar="NAME=PYTHON:MANAGE.PY",
        help="another package with the same commands; its settings read BENCH_SITE, see Project",
    )
    parser.add_argument("--without", action="append", default=[], metavar="NAME")
    parser.add_argument("--round-trip", type=float, default=40, help="milliseconds to `far`")
    parser.add_argument("--rate", type=float, default=50, help="megabytes per second to `far`")
    parser.add_argument("--output", default=str(_RESULTS), help="a folder for the results")
    parser.add_argument("--write", metavar="PAGE", help="write the tables into this page")
    return parser


if __name__ == "__main__":
    sys.exit(main())

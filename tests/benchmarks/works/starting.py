"""What it costs to start a command."""

from collections.abc import Sequence
from dataclasses import replace

from tests.benchmarks.bench import Bench
from tests.benchmarks.contenders import Contender, Package
from tests.benchmarks.steps import Step

IDLE, OWN = "help", "dbbackup --help"
_ROUNDS = 7


def start(bench: Bench) -> None:
    """Start the command `help`, and `dbbackup --help`, which must load the package."""
    place = bench.place("start", "folder")
    contenders = [
        one
        for package in bench.packages()
        if isinstance(package, Package) and package.arguments.get("start", True)
        for one in _both(package)
    ]
    rounds = max(bench.rounds, _ROUNDS) if bench.size.warm_up else bench.rounds
    bench.measure(
        "start",
        Step(
            name="start",
            title="start",
            contenders=contenders,
            place=lambda: place,
            rounds=rounds,
        ),
    )


def named(package: str, command: str) -> str:
    """Return the name under which a command of a package is measured."""
    return f"{package}, {command}"


def _both(package: Package) -> Sequence[Contender]:
    return [
        replace(
            package,
            name=named(package.name, command),
            arguments={"start": tuple(command.split())},
        )
        for command in (IDLE, OWN)
    ]

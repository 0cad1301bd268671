"""What it costs to start a command."""

from tests.benchmarks.bench import Bench
from tests.benchmarks.contenders import Place
from tests.benchmarks.steps import Step

_ROUNDS = 7
_STEPS = {"help": "manage.py help", "help of dbbackup": "manage.py dbbackup --help"}


def start(bench: Bench) -> None:
    """Start `manage.py help`, and `manage.py dbbackup --help`, which must load the package."""

    def place() -> Place:
        return bench.place("start", "folder")

    rounds = max(bench.rounds, _ROUNDS) if bench.size.rounds > 1 else bench.rounds
    bench.measure(
        "start",
        *(
            Step(
                name=name,
                title=title,
                contenders=bench.packages(),
                place=place,
                rounds=rounds,
            )
            for name, title in _STEPS.items()
        ),
    )

"""Whatever breaks, at every stage, on every engine and on several real remotes: see the table."""

from collections.abc import Callable

import pytest

from tests.faults import data_faults, own_faults, remote_faults, tool_faults
from tests.faults.bench import Bench, Fault, judge

CELLS = [
    *tool_faults.cells(),
    *remote_faults.cells(),
    *own_faults.cells(),
    *data_faults.cells(),
]
_FAST = 12
"""Of so many cells, one is of the fast subset."""


def _parameters() -> list[object]:
    return [
        pytest.param(
            *cell[:3],
            cell[3],
            id="-".join([*cell[:3], cell[3].name]).replace(" ", "_"),
            marks=() if number % _FAST == 0 else pytest.mark.faults,
        )
        for number, cell in enumerate(CELLS)
    ]


@pytest.mark.parametrize(("operation", "engine", "remote", "fault"), _parameters())
def test_cell(
    operation: str,
    engine: str,
    remote: str,
    fault: Fault,
    make_bench: Callable[[str, str, str], Bench],
    record_property: Callable[[str, object], None],
) -> None:
    record_property("cell", [operation, engine, remote, fault.name])
    judge(make_bench(operation, engine, remote), fault)

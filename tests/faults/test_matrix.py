"""Whatever breaks, at every stage, on every engine and on several real remotes: see the table."""

import os
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
if os.environ.get("FAULTS") != "all":
    # One in twelve, and each time the same: the rest is run by `hatch run test:faults`.
    CELLS = CELLS[::12]


def _id(cell: tuple[str, str, str, Fault]) -> str:
    return "-".join([*cell[:3], cell[3].name]).replace(" ", "_")


@pytest.mark.parametrize(("operation", "engine", "remote", "fault"), CELLS, ids=map(_id, CELLS))
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

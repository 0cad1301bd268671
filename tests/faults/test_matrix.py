"""Whatever breaks, at every stage, on every engine and on several real remotes: see the table."""

import os
from collections.abc import Callable

import pytest

from tests.faults import data_faults, own_faults, remote_faults, tool_faults
from tests.faults.cell import Cell, Fault, judge

CELLS = [
    *tool_faults.cells(),
    *remote_faults.cells(),
    *own_faults.cells(),
    *data_faults.cells(),
]
if os.environ.get("FAULTS") != "all":
    # One in twelve, and each time the same: `hatch run test:faults` runs all.
    CELLS = CELLS[::12]


def _id(cell: tuple[str, str, str, Fault]) -> str:
    return "-".join([*cell[:3], cell[3].name]).replace(" ", "_")


# One in eight of those is quick.
@pytest.mark.parametrize(
    ("operation", "engine", "remote", "fault"),
    [
        pytest.param(*cell, id=_id(cell), marks=[pytest.mark.thorough] * (number % 8 < 7))
        for number, cell in enumerate(CELLS)
    ],
)
def test_cell(
    operation: str,
    engine: str,
    remote: str,
    fault: Fault,
    make_cell: Callable[[str, str, str], Cell],
    record_property: Callable[[str, object], None],
) -> None:
    record_property("cell", [operation, engine, remote, fault.name])
    judge(make_cell(operation, engine, remote), fault)

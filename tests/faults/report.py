"""The table of cells: printed at the end of a run, and kept in the documentation."""

from collections import Counter
from pathlib import Path

Cell = tuple[str, str, str, str, str]
"""Operation, engine, remote, fault, outcome."""

_BEGIN = "<!-- faults: begin -->\n"
_END = "<!-- faults: end -->\n"


def table(cells: "Counter[Cell]") -> str:
    """Return the faults with the operations, engines and remotes they were tried on, as Markdown."""
    passed = sum(count for cell, count in cells.items() if cell[4] == "passed")
    total = cells.total()
    lines = [
        f"{total} cells were tried, {passed} are green.",
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


def write(page: Path, table: str) -> None:
    """Put the table between its marks."""
    text = page.read_text()
    before, _, rest = text.partition(_BEGIN)
    _, _, after = rest.partition(_END)
    page.write_text(f"{before}{_BEGIN}{table}{_END}{after}")

"""The page of the documentation: prose that stays, and between two marks what was measured."""

from pathlib import Path

BEGIN = "<!-- benchmarks: begin -->\n"
END = "<!-- benchmarks: end -->\n"


def write(page: Path, text: str) -> None:
    """Put a text between the marks. Raises ``ValueError`` if the page has none."""
    before, begin, rest = page.read_text().partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"{page} has no marks {BEGIN.strip()} and {END.strip()}.")
    page.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}")

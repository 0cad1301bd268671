"""The documentation for users, and the fenced blocks in it.

An HTML comment before a Python block says how it is tested:

``settings``      Django settings: the system checks must find nothing
``receivers``     a module of receivers: a backup and a restore must succeed with it
``file: x/y.py``  a file of the page's example project: a test of that page uses it
``run``           code: it must run with Django set up
"""

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGES = ROOT / "docs" / "pages"
CORE = ROOT / "packages" / "django-rclone"
NOTIFY = ROOT / "packages" / "django-rclone-notify"

# The Python blocks of notify's README are tested in tests/notify/test_readme.py.
TEXTS = (ROOT / "README.md", CORE / "README.md", *sorted(PAGES.glob("*.md")))

_BLOCK = re.compile(
    r"^(?:<!-- (?P<marker>[^\n]+) -->\n)?^```(?P<language>\w*)\n(?P<code>.*?)^```$", re.M | re.S
)


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block."""

    path: Path
    line: int
    language: str
    marker: str
    code: str

    def __str__(self) -> str:
        return f"{self.path.relative_to(ROOT)}:{self.line}"


def page(name: str) -> str:
    return (PAGES / f"{name}.md").read_text()


def blocks(*paths: Path) -> list[Block]:
    """Return the fenced blocks of files."""
    found = []
    for path in paths:
        text = path.read_text()
        for match in _BLOCK.finditer(text):
            line = text.count("\n", 0, match.start("language")) + 1
            marker = match["marker"] or ""
            found.append(Block(path, line, match["language"], marker, match["code"]))
    return found


def python_blocks(marker: str) -> list[Block]:
    """Return the Python blocks with a marker."""
    return [b for b in blocks(*TEXTS) if b.language == "python" and b.marker == marker]


def section(text: str, heading: str) -> str:
    """Return the text below a heading, up to the next heading of the same or a higher level."""
    level = len(heading) - len(heading.lstrip("#"))
    match = re.search(rf"^{re.escape(heading)}\n(.*?)(?=^#{{1,{level}}} |\Z)", text, re.M | re.S)
    assert match, f"there is no heading {heading!r}"
    return match[1]


def rows(text: str) -> dict[str, str]:
    """Return the table rows of a text: by the first cell, without backticks, the other cells."""
    found = {}
    for line in re.findall(r"^\| *(`.+|\d+ .+) \|$", text, re.M):
        first, _, rest = line.partition(" | ")
        found[first.replace("`", "").strip()] = rest.strip()
    return found

"""The wording of code, documentation and example site: plain, American, one word per idea.

`hatch run lint:check` runs codespell, which finds misspellings, British spellings and the words
in `banned_words.txt`. Phrases are found here, since they may continue on the next line.
"""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.texts import ROOT

WORDS = Path(__file__).with_name("banned_words.txt")
PLACES = (
    "packages/django-rclone",
    "packages/django-rclone-notify",
    "docs",
    "example_site",
    "README.md",
    "DEVELOPERS.md",
    "hatch.toml",
    "pyproject.toml",
)
TEXTS = ("*.html", "*.md", "*.py", "*.toml", "*.yml")

TO_BE = r"\b(?:is|are|was|were|be|been) no "
FINE = re.compile(rf"\bthere (?:\w+ )?{TO_BE}|{TO_BE}(?:longer|more|less|better|worse)\b", re.I)
PHRASES = {
    TO_BE: "is not a",
    r"\bby `?--?[a-z]": "with -d",
    r"\bcannot be told\b": "is unknown",
    r"\bfor ever\b": "forever",
    r"\bhad back\b": "recovered",
    r"\bof ours\b": "our",
    r"\brefused are\b": "... are refused",
    r'"""tell whether\b': "return whether",
}


def banned_phrases(text: str) -> list[str]:
    """Return the banned phrases of a text, each with what follows and a better one."""
    text = re.sub(r"\"\s+f?\"", "", text)  # a string in several lines
    text = FINE.sub("", re.sub(r"\s+(?:# )?", " ", text))
    return [
        f"{match[0]!r}: write {better!r}"
        for phrase, better in PHRASES.items()
        for match in re.finditer(rf"{phrase}.{{,20}}", text, re.I)
    ]


def codespell(path: Path) -> "subprocess.CompletedProcess[str]":
    """Run codespell on one file as `hatch run lint:check` does, with the settings of the root."""
    return subprocess.run(
        [sys.executable, "-m", "codespell_lib", str(path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


@pytest.mark.parametrize("place", PLACES)
def test_no_banned_phrase(place):
    root = ROOT / place
    paths = [root] if root.is_file() else [p for pattern in TEXTS for p in root.rglob(pattern)]
    assert paths
    found = {str(path.relative_to(ROOT)): banned_phrases(path.read_text()) for path in paths}
    findings = [f"{path}: {phrase}" for path, phrases in found.items() for phrase in phrases]
    assert not findings, "\n".join(findings)


@pytest.mark.parametrize(
    "text",
    [
        "It is no JSON.",
        '"The answer is "\n    f"no object"',
        "# Nothing here is\n# no surprise.",
        "Name one by `-i`.",
        "Accept it by --unverified.",
        "None where it cannot be told.",
        "It would wait for\never.",
        "Files of ours.",
        "Refused are folders.",
        '"""Tell whether it is there."""',
    ],
)
def test_a_banned_phrase_would_be_found(text):
    assert len(banned_phrases(text)) == 1


@pytest.mark.parametrize(
    "text",
    [
        "There is no backup; there can be no name. It is no longer there, and is no better.",
        "One by one, by hand, by 2026. The answer is no.",
    ],
)
def test_plain_english_is_no_finding(text):
    assert banned_phrases(text) == []


def test_codespell_finds_each_banned_word(tmp_path):
    banned = [line.partition("->")[0] for line in WORDS.read_text().splitlines()]
    path = tmp_path / "page.md"
    path.write_text("\n".join([*banned, "behaviour", "recieve"]))

    process = codespell(path)

    assert process.returncode != 0
    found = re.findall(r"page\.md:\d+: (\w+) ==>", process.stdout)
    assert found == [*banned, "behaviour", "recieve"]


def test_codespell_accepts_plain_english(tmp_path):
    path = tmp_path / "page.md"
    path.write_text("The backup was truncated; the receiver reports it again. Tell the operator.\n")
    process = codespell(path)
    assert (process.returncode, process.stdout) == (0, "")


@pytest.mark.parametrize("place", [*PLACES, "tests/docs"])
def test_lint_check_runs_codespell_on_every_place(place):
    scripts = (ROOT / "hatch.toml").read_text()
    (arguments,) = re.findall(r'"codespell ([^"]+)"', scripts)
    given = [path for argument in arguments.split() for path in ROOT.glob(argument)]
    assert any((ROOT / place).is_relative_to(path) for path in given)

"""The command lines in the documentation can be parsed, and the first steps print what is shown."""

import os
import pty
import re
import shlex
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from django.core.management import CommandError, get_commands, load_command_class

from tests.docs.projects import STARTPROJECT, VARIABLES
from tests.docs.texts import NOTIFY, PAGES, ROOT, TEXTS, Block, blocks, python_blocks, section
from tests.support.example_site import ExampleSite
from tests.support.site import DjangoSite

ON_THE_EXAMPLE_SITE = "run on the example site"
NAME = re.compile(r"default-\d{4}-\d\d-\d\d-\d{6}\.[0-9a-f]{8}\.(?:safety\.)?sqlite3\.zst")


@dataclass(frozen=True, slots=True)
class Line:
    """A call of ``manage.py`` in the documentation."""

    block: Block
    arguments: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.block}: {' '.join(self.arguments)}"


def manage_lines() -> Iterator[Line]:
    texts = (*TEXTS, NOTIFY / "README.md")
    for block in blocks(*texts):
        if block.language == "python" or block.marker == ON_THE_EXAMPLE_SITE:
            continue
        for call in re.findall(r"\bmanage\.py (.+)", block.code):
            yield Line(block, tuple(shlex.split(call)))
    for path in texts:
        for call in re.findall(r"`(?:python )?manage\.py ([^`]+)`", path.read_text()):
            yield Line(Block(path, 0, "", "", ""), tuple(shlex.split(call)))


@pytest.mark.parametrize("line", list(manage_lines()), ids=str)
def test_command_line_can_be_parsed(line: Line, site: DjangoSite):
    site.add_database("archive")
    name, *arguments = line.arguments
    application = get_commands()[name]
    assert isinstance(application, str)
    with site.active():
        parser = load_command_class(application, name).create_parser("manage.py", name)
    parser.parse_args(arguments)


def test_an_unknown_option_would_be_found(site: DjangoSite):
    parser = load_command_class("django_rclone", "dbbackup").create_parser("manage.py", "dbbackup")
    with pytest.raises(CommandError, match="unrecognized arguments: --cleanup"):
        parser.parse_args(["--cleanup"])


def session(code: str) -> list[tuple[str, str]]:
    """Return the commands of a console block, each with its output."""
    steps: list[tuple[str, str]] = []
    for line in code.splitlines(keepends=True):
        if line.startswith("$ "):
            steps.append((line[2:].strip(), ""))
        else:
            command, shown = steps[-1]
            steps[-1] = (command, shown + line)
    return steps


def without_particulars(text: str) -> str:
    """Replace names, sizes, times and paths, which differ from run to run."""
    for pattern, word in (
        (NAME.pattern, "NAME"),
        (r"media-[\d-]+\.[0-9a-f]{8}\.index\.zst", "RUN"),
        (r"files of /\S+ ", "files of FOLDER "),
        (r"\d{4}-\d\d-\d\d \d\d:\d\d UTC", "DATE"),
        (r"\d+(\.\d+)? (bytes|KB|MB)", "SIZE"),
        (r"\d+(\.\d+)? s\b", "TIME"),
        (r"[\d,]+ rows? of \d+ tables?", "ROWS"),
        (r"\(/\S+\)", "(FILE)"),
        (r"\[y/N\] (y\n)?", "[y/N] "),
    ):
        text = re.sub(pattern, word, text)
    return text


def at_a_terminal(site: DjangoSite, *arguments: str, answer: str) -> tuple[int, str]:
    """Run a command that asks; return its exit status and its output."""
    ours, theirs = pty.openpty()
    try:
        os.write(ours, f"{answer}\n".encode())
        process = subprocess.run(
            site.argv(*arguments),
            env=site.environ(VARIABLES),
            stdin=theirs,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=240,
            check=False,
        )
    finally:
        os.close(ours)
        os.close(theirs)
    return process.returncode, process.stdout


def test_five_minute_start_prints_what_the_page_shows(site: DjangoSite):
    start = PAGES / "start.md"
    site.write_media({"a.txt": b"nine bits", "b.txt": b"nine bits", "c/d.txt": b"nine bits"})
    code = next(b.code for b in python_blocks("settings") if b.path == start)
    site.extra_settings = STARTPROJECT + code
    stored = ""
    steps = [s for b in blocks(start) if b.language == "console" for s in session(b.code)]
    calls = [(command, shown) for command, shown in steps if "manage.py" in command]
    assert len(calls) == 13
    # tests/integration/commands/test_backupsetup.py answers its questions.
    answers = ["--noinput", "--kind=folder", f"--place={site.folder / 'disk'}"]

    for command, shown in calls:
        arguments = shlex.split(NAME.sub(stored, command))[2:]
        if arguments == ["backupsetup"]:
            arguments += answers
        status, said = at_a_terminal(site, *arguments, answer="y")
        assert status == 0, said
        if shown:
            assert without_particulars(said) == without_particulars(shown)
        stored = stored or "".join(NAME.findall(said)[:1])


def test_readme_excerpt_matches_a_real_run(tmp_path):
    site = ExampleSite(tmp_path)
    site.manage("migrate", "--verbosity=0")
    site.manage("seed")
    (block,) = [b for b in blocks(ROOT / "README.md") if b.marker == ON_THE_EXAMPLE_SITE]

    for command, shown in session(block.code):
        said = site.manage(*shlex.split(command)[2:], ALLOW_RESTORE="1")
        expected = without_particulars(shown).splitlines()
        printed = [line for line in without_particulars(said).splitlines() if line in expected]
        assert printed == expected, said


def test_readme_shows_the_two_commands():
    text = (ROOT / "README.md").read_text()
    assert "```console\npip install hatch && hatch run demo\n```" in text
    assert "```console\npip install hatch && hatch run test\n```" in text


def test_restore_without_a_terminal_is_not_confirmed(site: DjangoSite):
    codes = section((PAGES / "commands.md").read_text(), "## Exit codes")
    site.back_up()
    process = site.manage("dbrestore")
    assert process.returncode == 5
    assert "| 5 | Not confirmed: the answer was no, or there is no terminal to ask on. |" in codes


def test_an_answer_of_no_is_not_confirmed(site: DjangoSite):
    site.back_up()
    status, said = at_a_terminal(site, "dbrestore", answer="n")
    assert (status, "Nothing was changed." in said) == (5, True)

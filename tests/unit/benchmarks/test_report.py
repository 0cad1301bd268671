"""The page shows what was measured, and marks what failed."""

import json
from collections import Counter

import pytest

from tests.benchmarks import page
from tests.benchmarks.contenders import parse_project
from tests.benchmarks.figures import Series
from tests.benchmarks.measure import Run, started_in
from tests.benchmarks.pictures import bars, pictures
from tests.benchmarks.report import markdown

FACTS = {
    "date": "2026-01-02",
    "cores": 2,
    "processor": "a processor",
    "memory": 8.0,
    "system": "Linux",
    "versions": {"Django": "5.2"},
    "size": "small",
    "megabytes": 10,
    "rounds": 3,
    "warm_up": True,
    "round_trip": 0.04,
    "rate": 50e6,
    "problems": ["mariadb: no MariaDB server was found"],
}
STRACE = """\
11 execve("/usr/bin/bash", ["bash"], 0x1 /* 3 vars */) = 0
12 execve("/opt/missing/rclone", ["rclone"], 0x1 /* 3 vars */) = -1 ENOENT (No such file)
12 execve("/usr/bin/rclone", ["rclone"], 0x1 /* 3 vars */ <unfinished ...>
13 execve("/usr/bin/zstd", ["zstd", "= 0"], 0x1 /* 3 vars */) = 0
12 <... execve resumed>)                  = 0
12 +++ exited with 0 +++
"""


def series(contender: str, *runs: Run, **more) -> Series:
    values = {"work": "sqlite", "remote": "folder", "step": "backup", "is_pipeline": False}
    return Series(**{**values, **more}, contender=contender, runs=list(runs))


@pytest.fixture
def found() -> list[Series]:
    ours = series("django-rclone", *(Run(wall=n, cpu=1) for n in (2, 3, 4)))
    ours.programs = Counter(python=1, rclone=1)
    failed = series("dbbackup", Run(wall=0, cpu=0, error="exit status 1"), problem="exit status 1")
    shell = series("shell", *(Run(wall=n, cpu=1) for n in (4, 6, 8)), is_pipeline=True)
    return [ours, failed, shell]


def test_a_table_shows_median_spread_ratio_and_failures(found: list[Series]):
    text = markdown(FACTS, found)
    assert "| backup | django-rclone | 3.00 (2.00 - 4.00) | 0.50 | 1.00 | 1.00 |" in text
    assert "| 2 (1) |" in text
    assert "| exit status 1 |" in text
    assert "| sqlite | folder | backup | the best pipeline | shell | 0.50 | 1 |" in text
    assert "Left out: mariadb: no MariaDB server was found." in text
    assert "Measured on 2026-01-02, on 2 cores" in text


def test_every_row_has_as_many_cells_as_the_head(found: list[Series]):
    found[0].runs[0].requests = 7
    rows = [line for line in markdown(FACTS, found).splitlines() if line.startswith("| backup")]
    assert len({line.count("|") for line in rows}) == 1


def test_results_can_be_written_as_json(found: list[Series]):
    [ours, failed, _] = json.loads(json.dumps([one.as_json() for one in found]))
    assert [run["wall"] for run in ours["runs"]] == [2, 3, 4]
    assert failed["problem"] == "exit status 1"


def test_a_picture_has_a_bar_for_each_contender_that_was_right(found: list[Series]):
    assert list(pictures(found)) == ["sqlite-folder"]
    assert bars(found).count("<rect") == 2
    assert "exit status 1" in bars(found)


def test_only_what_is_between_the_marks_of_the_page_changes(tmp_path):
    path = tmp_path / "page.md"
    path.write_text(f"before\n{page.BEGIN}old\n{page.END}after\n")
    page.write(path, "new")
    assert path.read_text() == f"before\n{page.BEGIN}\nnew\n{page.END}after\n"


def test_a_page_without_marks_is_left_alone(tmp_path):
    path = tmp_path / "page.md"
    path.write_text("prose")
    with pytest.raises(ValueError, match="has no marks"):
        page.write(path, "new")
    assert path.read_text() == "prose"


def test_programs_are_counted_once_they_have_started():
    assert started_in(STRACE.splitlines()) == {"bash": 1, "rclone": 1, "zstd": 1}


def test_another_package_is_named_by_its_python_and_its_project(tmp_path):
    project = parse_project("theirs=/venv/bin/python:/site/manage.py")
    assert (project.name, project.python) == ("theirs", "/venv/bin/python")
    assert str(project.manage) == "/site/manage.py"
    with pytest.raises(ValueError, match="is not NAME=PYTHON"):
        parse_project("/venv/bin/python:/site/manage.py")

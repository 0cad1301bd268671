"""A copy goes on by itself from its beginning on."""

from pathlib import Path

import pytest

from django_rclone.rclone.copying import Copying
from tests.support.processes import wait_until
from tests.support.site import snapshot
from tests.unit.conftest import Configure

FILES = {f"{number:04}": b"%d" % number for number in range(3_000)}


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A folder with more names than a pipe holds."""
    source = tmp_path / ("a long name " * 10)
    source.mkdir()
    for name, content in FILES.items():
        (source / name).write_bytes(content)
    return source


@pytest.mark.parametrize("names", [None, [*FILES]])
def test_a_copy_goes_on_while_nobody_waits_for_it(
    configure: Configure, source: Path, tmp_path: Path, names: list[str] | None
) -> None:
    copying = Copying(configure(REMOTE=str(tmp_path / "remote")))
    there = tmp_path / "there"
    there.mkdir()
    with copying.begin(str(source), str(there), names=names) as copy:
        wait_until(lambda: snapshot(there).keys() == FILES.keys(), "the copy waits for something")
        assert copy.finish().error is None
    assert snapshot(there) == FILES


def test_leaving_a_copy_stops_it(configure: Configure, source: Path, tmp_path: Path) -> None:
    copying = Copying(configure(REMOTE=str(tmp_path / "remote"), RCLONE_FLAGS=["--bwlimit=100"]))
    with copying.begin(str(source), str(tmp_path / "there")) as copy:
        pass
    assert copy._process.has_ended()


def test_an_rclone_that_takes_no_names_is_an_error_at_the_end(
    configure: Configure, source: Path, tmp_path: Path
) -> None:
    flags = ["--transfers=x"]
    copying = Copying(configure(REMOTE=str(tmp_path / "remote"), RCLONE_FLAGS=flags))
    names = [*FILES] * 20
    with copying.begin(
        str(source), str(tmp_path / "there"), names=names, into_scratch=True
    ) as copy:
        copied = copy.finish()
    assert copied.error is not None
    assert "transfers" in copied.error.message

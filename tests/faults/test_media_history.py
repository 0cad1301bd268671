"""Random histories of media files against a plain model: they agree after every step."""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from tests.support.media_remotes import REMOTES, stored_on
from tests.support.site import DjangoSite, snapshot

KEEP = 2
_EXAMPLES = int(os.environ.get("MEDIA_HISTORIES", "1"))
_STEPS = 40 if _EXAMPLES > 1 else 9

PATHS = st.sampled_from(["a", "b", "f/a", "f/b", "f/g/c", "é \n", "-x", "big"])
CONTENTS = st.sampled_from([b"", b"1", b"2", b"same size 1", b"same size 2", os.urandom(300_000)])
STEPS = st.one_of(
    st.tuples(st.just("write"), PATHS, CONTENTS),
    st.tuples(st.just("delete"), PATHS),
    st.tuples(st.just("rename"), PATHS, PATHS),
    st.tuples(st.just("back up"), st.booleans()),
    st.tuples(st.just("restore"), st.integers(0, KEEP), st.booleans()),
    st.tuples(st.just("kill"), st.sampled_from(["mediabackup", "clean", "mediarestore"]), st.floats(0, 1)),
    st.tuples(st.just("lose the cache")),
)  # fmt: skip

Files = dict[str, bytes]


@dataclass
class History:
    """Does one thing after the other, to the site and to the model."""

    site: DjangoSite
    files: Files = field(default_factory=dict)
    """What there ought to be in the media folder."""
    runs: dict[str, Files] = field(default_factory=dict)
    """What each run ought to hold, the oldest first."""
    seconds: float = 4.0
    """How long a run in a process of its own takes."""

    def do(self, step: tuple[object, ...]) -> None:
        name, *arguments = step
        getattr(self, str(name).replace(" ", "_"))(*arguments)

    def write(self, path: str, content: bytes) -> None:
        for other in list(self.files):
            # What was a folder becomes a file, or the reverse.
            if other.startswith(f"{path}/") or path.startswith(f"{other}/"):
                del self.files[other]
        self.files[path] = content
        self.apply()

    def delete(self, path: str) -> None:
        self.files.pop(path, None)
        self.apply()

    def rename(self, path: str, other: str) -> None:
        if path in self.files:
            content = self.files.pop(path)
            self.write(other, content)

    def apply(self) -> None:
        """Make the media folder equal the model. A file that is as it should be is left alone."""
        there = snapshot(self.site.media)
        for path in set(there) - set(self.files):
            (self.site.media / path).unlink()
        for folder in sorted(self.site.media.rglob("*"), reverse=True):
            if folder.is_dir() and not any(folder.iterdir()):
                folder.rmdir()
        self.site.write_media({p: c for p, c in self.files.items() if there.get(p) != c})

    def back_up(self, clean: bool) -> None:
        self.site.call("mediabackup", "--force", *(["--clean"] if clean else []))
        assert len(self.adopt()) == 1
        if clean:
            for name in list(self.runs)[:-KEEP]:
                del self.runs[name]

    def adopt(self) -> list[str]:
        """Take up the runs that are new in the listing as runs of the files as they are."""
        listed = [run["name"] for run in reversed(self.site.backups("--media"))]
        new = [name for name in listed if name not in self.runs]
        self.runs |= {name: dict(self.files) for name in new}
        return new

    def restore(self, number: int, delete: bool) -> None:
        if not self.runs:
            return
        name = list(self.runs)[number % len(self.runs)]
        # A file in the place of a folder is no matter here: see the tests of the command.
        delete = delete or self.in_the_way(name)
        options = ["--delete", "--force"] if delete else []
        self.site.call("mediarestore", "--noinput", "--at", name, *options)
        self.files = {**({} if delete else self.files), **self.runs[name]}

    def in_the_way(self, name: str) -> bool:
        both = (set(self.files), set(self.runs[name]))
        return any(
            b.startswith(f"{a}/") for one, other in (both, both[::-1]) for a in one for b in other
        )

    def kill(self, command: str, moment: float) -> None:
        """Kill a command, whenever. A run counts if its manifest was written."""
        if command == "mediarestore":
            self.kill_restore(moment)
            return
        options = ["--clean"] if command == "clean" else []
        self.killed("mediabackup", "--force", *options, moment=moment)
        listed = {run["name"] for run in self.site.backups("--media")}
        gone = [name for name in self.runs if name not in listed]
        assert not gone or gone == list(self.runs)[: len(gone)]
        for name in gone:
            assert command == "clean"
            del self.runs[name]
        assert len(self.adopt()) <= 1
        assert len(self.runs) >= min(KEEP, len(self.runs) + len(gone))

    def kill_restore(self, moment: float) -> None:
        if not self.runs:
            return
        name = list(self.runs)[-1]
        arguments = ("mediarestore", "--noinput", "--at", name, "--delete", "--force")
        self.killed(*arguments, moment=moment)
        for path, content in self.media().items():
            assert content in (self.files.get(path), self.runs[name].get(path)), path
        self.site.call(*arguments)
        self.files = dict(self.runs[name])

    def killed(self, *arguments: str, moment: float) -> None:
        started = time.monotonic()
        process = self.site.start(*arguments)
        try:
            process.communicate(timeout=self.seconds * moment)
            self.seconds = time.monotonic() - started
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()

    def lose_the_cache(self) -> None:
        shutil.rmtree(self.site.rclone["MEDIA_CACHE_DIR"], ignore_errors=True)

    def media(self) -> Files:
        """Return the media files, without what a killed restore had not put in place."""
        return {p: c for p, c in snapshot(self.site.media).items() if not p.startswith(".django-")}

    def judge(self) -> None:
        assert self.media() == self.files
        listed = self.site.backups("--media")
        assert [run["name"] for run in reversed(listed)] == list(self.runs)
        assert all(run["verified"] and run["whole"] for run in listed)

    def judge_runs(self) -> None:
        """Restore every run there is."""
        for number, (name, files) in enumerate(self.runs.items()):
            folder = self.site.folder / f"restored {number}"
            self.site.call("mediarestore", "--noinput", "--at", name, "--to", str(folder))
            found = snapshot(folder) if folder.exists() else {}
            shutil.rmtree(folder, ignore_errors=True)
            assert found == files, name


@pytest.fixture(params=REMOTES)
def stored(site: DjangoSite, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Path]:
    """Let the remote be a folder, or a server; yield the folder behind it."""
    with stored_on(request.param, site, tmp_path) as folder:
        yield folder


@pytest.mark.thorough
@pytest.mark.timeout(0 if _EXAMPLES > 1 else 300)
@given(steps=st.lists(STEPS, min_size=_STEPS, max_size=_STEPS))
@example(
    steps=[
        ("write", "f/a", b"1"),
        ("write", "big", b"x" * 300_000),
        ("back up", False),
        ("rename", "f/a", "b"),
        ("kill", "mediabackup", 0.7),
        ("write", "big", b"y" * 300_000),
        ("kill", "clean", 0.9),
        ("write", "b/c", b"2"),
        ("back up", True),
        ("kill", "mediarestore", 0.6),
        ("restore", 0, True),
    ]
)
@settings(
    max_examples=_EXAMPLES,
    deadline=None,
    phases=[Phase.explicit] if _EXAMPLES == 1 else [Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_every_run_holds_what_the_model_says(
    site: DjangoSite, stored: Path, steps: list[tuple[object, ...]]
) -> None:
    site.rclone["MEDIA_CLEANUP_KEEP"] = KEEP
    for folder in (site.media, stored, Path(site.rclone["MEDIA_CACHE_DIR"])):
        shutil.rmtree(folder, ignore_errors=True)
    for folder in (site.media, stored):
        folder.mkdir()
    history = History(site)
    for step in steps:
        history.do(step)
        history.judge()
    history.judge_runs()

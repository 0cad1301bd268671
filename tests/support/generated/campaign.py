"""How many generated examples run, from which seed, and what each goes through.

``GENERATED=500`` runs 500 of them for every engine and mode instead of a few, from the seed
``GENERATED_SEED``. The seed of a batch is in the name of its test: it is run again by
``GENERATED_SEED=17 GENERATED=10``. With a folder in ``GENERATED_FAILURES`` the script of each
failing example is written there, and the batch goes on.
"""

import os
import random
import secrets
import traceback
from collections.abc import Callable
from difflib import unified_diff
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from django_rclone.exceptions import DjangoRcloneError
from tests.support.databases import Database
from tests.support.site import DjangoSite

from .file_backup import FileBackup

T = TypeVar("T")

BATCH = 10
_QUICK = 2
_THOROUGH = 5

_WANTED = int(os.environ.get("GENERATED", "0"))
_FIRST = int(os.environ.get("GENERATED_SEED", "0")) or (secrets.randbelow(10**6) if _WANTED else 1)
_FAILURES = os.environ.get("GENERATED_FAILURES", "")


def batches() -> pytest.MarkDecorator:
    """Let a test run once for each batch, by the arguments ``first`` and ``count``."""
    if _WANTED:
        sizes = [min(BATCH, _WANTED - done) for done in range(0, _WANTED, BATCH)]
        cases = [pytest.param(_FIRST + n, size, id=f"{_FIRST + n}") for n, size in enumerate(sizes)]
    else:
        quick = pytest.param(_FIRST, _QUICK, id=f"{_FIRST}")
        more = pytest.param(_FIRST + 1, _THOROUGH, id=f"{_FIRST + 1}", marks=pytest.mark.thorough)
        cases = [quick, more]
    return pytest.mark.parametrize(("first", "count"), cases)


def run_batch(
    first: int, count: int, strategy: st.SearchStrategy[T], check: Callable[[T], Any]
) -> None:
    """Check ``count`` examples, drawn from the seed ``first``."""
    failures: list[str] = []

    @seed(first)
    @settings(
        max_examples=count,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def checked(example: T) -> None:
        try:
            check(example)
        except Exception:
            if not _FAILURES:
                raise
            failures.append(_recorded(len(failures), example))

    checked()
    assert not failures, f"failures of the batch {first}: {', '.join(failures)}"


def _recorded(number: int, example: object) -> str:
    test = os.environ["PYTEST_CURRENT_TEST"].partition("[")[2].partition("]")[0]
    path = Path(_FAILURES) / f"{test}-{number}.txt"
    path.write_text(f"{traceback.format_exc()}\n{example}", errors="surrogateescape")
    return str(path)


def round_trip(
    site: DjangoSite,
    database: Database,
    *,
    change: Callable[[], object],
    empty: Callable[[], object],
    by_vendor: Callable[[Path | None], str],
    atomic: bool,
    loosely: Callable[[str], str] = lambda fingerprint: fingerprint,
) -> None:
    """Back up; change the database; restore it, also after an interrupted try; and when it is empty.

    ``by_vendor`` returns the fingerprint of what the vendor's own programs make of a dump, ours
    or one of their own. What they lose, such as the order of inherited columns, a restore may
    lose too. If they cannot restore it at all (nothing is returned), a backup may be refused,
    or warn; and what they lose is what ``loosely`` takes out of a fingerprint. A swap that is ``atomic`` leaves one of both, wherever its process is killed.
    """
    before = database.fingerprint()
    try:
        backup = FileBackup.of(site)
    except DjangoRcloneError:
        if by_vendor(None):
            raise
        return

    def require_restored(problem: str) -> None:
        found = database.fingerprint()
        if found == before or found == (vendors := by_vendor(backup.path)):
            return
        if vendors or loosely(found) != loosely(before):
            assert_same(found, before, problem)

    change()
    live = database.fingerprint()
    in_swap = backup.restore_interrupted(site, random.Random(len(before)))
    found = database.fingerprint()
    if not in_swap:
        assert_same(found, live, "an interrupted restore changed the database")
    elif atomic and found != live:
        require_restored("killed in its swap, a restore left neither")
    try:
        backup.restore(site)
    except DjangoRcloneError:
        if not backup.warnings or by_vendor(backup.path):
            raise
        return
    require_restored("restored into a changed database, it differs")
    assert not database.leftovers()
    empty()
    backup.restore(site)
    require_restored("restored into an empty database, it differs")


def assert_same(found: str, expected: str, problem: str) -> None:
    """Fail, with the lines that differ, unless two fingerprints are the same."""
    if found == expected:
        return
    old, new = expected.split("\n"), found.split("\n")
    known = (set(old), set(new))
    shown = [f"- {line}" for line in old if line not in known[1]]
    shown += [f"+ {line}" for line in new if line not in known[0]]
    if not shown:
        problem += "; only the order of lines differs"
        shown = [*unified_diff(old, new, lineterm="", n=1)]
    text = "\n".join([problem, *(repr(line[:300]) for line in shown[:60])])
    raise AssertionError(text.encode("utf-8", "backslashreplace").decode())

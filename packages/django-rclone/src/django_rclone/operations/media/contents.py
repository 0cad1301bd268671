"""What is in a run."""

from collections.abc import Iterator
from contextlib import contextmanager

from ... import conf
from ...backups import Backup
from ...backups.index import Entry
from ...rclone import Remote, session
from .choice import choose_run, named_run, parse_moment
from .runs import run_catalog
from .selection import read_selected
from .workset import WorkSet


@contextmanager
def run_contents(
    source: str, at: str, path: str | None = None
) -> Iterator[tuple[Backup, Iterator[Entry]]]:
    """Yield a run and its entries, in the order of paths.

    ``at`` is its name, verified or not, or a moment; ``path`` a file, a folder or a pattern.
    Raises ``InvalidSettings``, ``BackupNotFound``, ``BackupRejected`` or ``RcloneError``.
    """
    settings = conf.load()
    with session(), WorkSet() as work:
        remote = Remote(settings)
        catalog = run_catalog(remote, settings)
        if parse_moment(at) is None:
            run = named_run(catalog, at)
        else:
            run, _ = choose_run(catalog, source, at, settings.environment, unverified=False)
        read_selected(remote, run, work, path)
        yield run, work.entries()

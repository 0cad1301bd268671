"""The runs with what keeps them from being deleted."""

from ... import conf
from ...rclone import Remote, session
from ..listing import Listed, with_reasons
from ..proofs import readings_of
from .runs import run_catalog


@session()
def list_runs(source: str | None = None) -> list[Listed]:
    """Return the runs of a source, or of all, newest first, with what keeps them.

    A clean-up looks at those of this environment. Raises ``InvalidSettings`` or
    ``RcloneError``.
    """
    settings = conf.load()
    remote = Remote(settings)
    contents = run_catalog(remote, settings).read()
    runs = [run for run in contents.backups if source in (None, run.database)]
    records = readings_of(runs, contents.stored, remote, settings)
    return with_reasons(runs, contents, records, remote, settings, keep=settings.media_cleanup_keep)

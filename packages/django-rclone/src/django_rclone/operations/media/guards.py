"""What stops a media run before anything is stored or changed."""

from ...backups.index import Kind, shown
from ...conf import Settings
from ...exceptions import MediaGuardError
from .workset import WorkSet

# No hint names the option that lifts a guard: what it does must be read first.
_HELP = "see `--help` of this command."
SHOWN = 10
"""How many names a sentence lists."""


def require_files(work: WorkSet, address: str, *, force: bool) -> None:
    """Raise ``MediaGuardError`` if nothing was found in a source."""
    query = "SELECT count(*) FROM (SELECT 1 FROM found WHERE kind != ? LIMIT 1)"
    if not work.number(query, (Kind.FOLDER,)) and not force:
        raise MediaGuardError(
            f"The media folder {address} is empty.",
            hint=f"Check that it is mounted. If it is meant to be empty: {_HELP}",
        )


def require_few_gone(work: WorkSet, deleted: int, settings: Settings, *, force: bool) -> None:
    """Raise ``MediaGuardError`` if too many files of the run before are gone, ``deleted`` of them."""
    before = work.number("SELECT count(*) FROM run WHERE kind IN ('file', 'link')")
    if force or deleted <= before * settings.media_max_delete // 100:
        return
    raise MediaGuardError(
        f"{deleted:,} of {before:,} files of the last run are gone, "
        f"more than MEDIA_MAX_DELETE allows ({settings.media_max_delete} %).",
        hint=f"Check the media folder. If these files are meant to be gone: {_HELP}",
    )


def require_few_deletions(
    deletions: int, present: int, address: str, settings: Settings, *, force: bool
) -> None:
    """Raise ``MediaGuardError`` if a restore would delete too many of the files that are there."""
    if force or deletions <= present * settings.media_max_delete // 100:
        return
    raise MediaGuardError(
        f"{deletions:,} of {present:,} files in {address} would be deleted, "
        f"more than MEDIA_MAX_DELETE allows ({settings.media_max_delete} %).",
        hint=f"Check both sides. If these files are meant to go: {_HELP}",
    )


def named(problems: list[tuple[bytes, str]], count: int | None = None) -> str:
    """Return the first names, each with what is said of it, and how many more there are."""
    some = [f"{shown(path)} ({reason})" for path, reason in problems[:SHOWN]]
    more = (len(problems) if count is None else count) - len(some)
    return "; ".join([*some, *([f"and {more:,} more"] if more > 0 else [])])

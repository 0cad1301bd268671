"""What both directions of the mirror share: the run, what became of each file, what is lost."""

from collections.abc import Mapping

from ..conf import Settings
from ..console import Console
from ..exceptions import MediaIncomplete, RcloneError
from ..interrupts import interruptible
from ..rclone import Remote
from ..rclone.mirroring import Basis, Mirroring
from ..rclone.output import FolderSize
from .media_files import Survey, missing, sentence, survey


def prepare_run(
    remote: Remote,
    source: str,
    destination: str,
    settings: Settings,
    local: Survey | None,
    *,
    prefer: Basis,
) -> Mirroring:
    """Return the run from one place to another, one of which is the media folder ``local``."""
    links = settings.media_links
    left_out = local.left_out if local else ()
    return remote.mirroring(source, destination, prefer=prefer, links=links, leave_out=left_out)


def warnings_of(run: Mirroring, local: Survey | None) -> list[str]:
    """Return what is not as one may expect, in sentences."""
    warnings = []
    if run.basis is Basis.NOTHING:
        warnings.append(
            "The two sides have neither times nor hashes in common, which could tell whether a "
            "file has changed: every file is transferred."
        )
    if local and local.links:
        links = {path: f"to {target}" for path, target in local.links.items()}
        warnings.append(f"Links are not followed, as MEDIA_LINKS says: {sentence(links)}.")
    return warnings


def store_files(
    run: Mirroring, found: Survey | None, limit: int | None, console: Console
) -> tuple[dict[str, str], RcloneError | None]:
    """Store all files that can be stored. Return those that could not, and rclone's error.

    If there are any, nothing is deleted from the mirror: of what could not be read it keeps
    what an earlier run stored.
    """
    problems = dict(found.problems) if found else {}
    try:
        run.transfer(delete=not problems, max_delete=limit, progress=console.progress)
    except RcloneError as error:
        if not run.failed:
            raise
        return problems | run.failed, error
    return problems, None


def lost_from_mirror(
    remote: Remote,
    source: str,
    mirror: str,
    found: Survey | None,
    stored: FolderSize,
    settings: Settings,
) -> dict[str, str]:
    """Return the files that are not in the mirror although rclone copied them.

    A storage may take two names for the same.
    """
    if found is None:
        size = remote.folder_size(source) or FolderSize(0, 0)
        if stored.count >= size.count:
            return {}
        lost = missing(remote.names(source), remote.names(mirror, links="store"))
    else:
        lost = missing(found.files, remote.names(mirror, links="store"))
    if not lost or found is None:
        return lost
    # Of a site at work: what was deleted in the meantime is not lost.
    with interruptible():
        there = survey(source, settings.media_links).files
    return {name: reason for name, reason in lost.items() if name in there}


def incomplete(
    done: str, problems: Mapping[str, str], error: RcloneError | None
) -> MediaIncomplete:
    """Return the error that names the files that could not be ``done``."""
    count = f"{len(problems):,} files" if len(problems) > 1 else "1 file"
    text = f"{count} could not be {done}; all others were: {sentence(problems)}."
    hint = "Correct that, and run the command again."
    return MediaIncomplete(
        f"{text}\n{error.message}" if error else text, hint=error.hint if error else hint
    )

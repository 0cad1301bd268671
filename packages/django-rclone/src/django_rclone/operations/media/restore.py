"""Media restore: the order of steps."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ...conf import Settings
from ...console import Console
from ...events import MediaCounts, Operation, TargetState
from ...exceptions import MediaGuardError, MediaIncomplete
from ...locks import exclusive
from ...rclone import session
from ...rclone.copying import Copying
from ...reporting import OperationContext, Sender, new_operation, report
from ...scratch import scratch_directory
from . import difference
from .cache import temporary_folder
from .fetching import Fetching
from .guards import named
from .places import FolderPlace, MediaPlace
from .plan import MediaRestorePlan
from .remote_target import RemoteTarget
from .runs import content_folder
from .spooled_target import SpooledTarget
from .storage_place import StoragePlace
from .storage_target import StorageTarget
from .target import Target

_QUIET = Console()


@session()
def restore_media(
    plan: MediaRestorePlan, *, sender: Sender, console: Console = _QUIET
) -> MediaCounts:
    """Make the media files equal the run, file by file, and return what was done.

    Each file is old or new at any moment; after an interruption the next restore goes on.
    Raises ``OperationVetoed``, ``OperationLocked`` or ``RcloneError``, and
    ``MediaIncomplete`` if some files could not be restored.
    """
    event = new_operation(
        Operation.MEDIA_RESTORE, environment=plan.settings.environment, path=plan.run.path
    )
    with report(event, sender=sender, console=console) as context:
        context.target_state = TargetState.UNCHANGED
        context.send_pre_signal()
        with exclusive(plan.remote, event, warn=console.warn):
            counts = plan.compare()
            problems = _restore(plan, context, console)
        deleted = 0 if problems else counts.deleted
        counts = counts._replace(deleted=deleted, left_out=len(problems))
        context.counts = counts
        context.size = plan.work.number("SELECT sum(size) FROM run WHERE kind = 'file'")
        if problems:
            raise incomplete(problems)
    return counts


@contextmanager
def opened(
    place: MediaPlace, copying: Copying, settings: Settings
) -> Iterator[tuple[Target | SpooledTarget, Path]]:
    """Yield a place as a target, and a folder for files on their way into it."""
    try:
        if isinstance(place, FolderPlace):
            with Target(place.address, follow=place.follows) as target:
                yield target, Path(place.address)
            return
        temporary = temporary_folder(settings)
        with scratch_directory(temporary) as folder:
            if isinstance(place, StoragePlace):
                yield StorageTarget(place.storage, folder), temporary
            else:
                yield RemoteTarget(place.address, copying, folder), temporary
    except OSError as error:
        raise MediaGuardError(
            f"{place.address} cannot be written: {error.strerror or error}."
        ) from error


def _restore(
    plan: MediaRestorePlan, context: OperationContext, console: Console
) -> dict[bytes, str]:
    content = plan.remote.address(content_folder(plan.settings))
    with opened(plan.place, plan.copying, plan.settings) as (target, temporary):
        # Files are replaced one by one: after an error it is unknown whether one already was.
        context.target_state = TargetState.UNKNOWN
        for path, _ in plan.conflicts:
            for one in difference.inside(plan.work, path):
                target.remove(one)
                plan.work.run("DELETE FROM found WHERE path = ?", (one,))
        target.forget()
        fetching = Fetching(plan.work, plan.copying, content, target, console)
        fetching.fetch(temporary)
        # Files that have their content only here are kept if anything went wrong.
        if plan.delete and not fetching.problems:
            for path in (*difference.extras(plan.work), *difference.extra_folders(plan.work)):
                _delete(target, path, fetching.problems)
    context.target_state = TargetState.CHANGED
    return fetching.problems


def _delete(target: Target | SpooledTarget, path: bytes, problems: dict[bytes, str]) -> None:
    try:
        target.remove(path)
    except OSError as error:
        if error.errno == errno.ENOTEMPTY:
            return  # something in it does not count
        problems[path] = f"not deleted: {error.strerror or error}"


def incomplete(
    problems: dict[bytes, str], otherwise: str = ", or choose another run with --at"
) -> MediaIncomplete:
    """Return the error for files that could not be restored, and why each could not."""
    files = f"{len(problems):,} files" if len(problems) > 1 else "1 file"
    return MediaIncomplete(
        f"{files} could not be restored, all others were: {named(sorted(problems.items()))}.",
        hint=f"Correct that, and run the command again{otherwise}.",
    )

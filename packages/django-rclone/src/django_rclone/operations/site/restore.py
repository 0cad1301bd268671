"""Site restore: the databases one by one, then the media files."""

from collections.abc import Iterator
from contextlib import contextmanager

from ...backups.sites import Part
from ...console import Console
from ...exceptions import (
    DjangoRcloneError,
    InvalidSettings,
    MediaIncomplete,
    OperationLocked,
    OperationVetoed,
    SiteRestoreFailed,
    SwapBroken,
    SwapUnknown,
)
from ...rclone import session
from ...reporting import Sender
from ..media.restore import restore_media
from ..restore import restore_database
from .plan import MediaStep, SiteRestorePlan

_QUIET = Console()

_RESTORED = "restored"
_UNTOUCHED = "as before"
_EITHER = "as before, or restored completely"
_FILES = "each file is old or new"
_STATES: dict[type[BaseException], str] = {
    SwapBroken: "changed, but not restored",
    SwapUnknown: "it is not known whether it was restored",
    MediaIncomplete: "restored, but not all files",
    OperationVetoed: _UNTOUCHED,
    OperationLocked: _UNTOUCHED,
}


@session()
def restore_site(plan: SiteRestorePlan, *, sender: Sender, console: Console = _QUIET) -> None:
    """Make databases, and then media files, equal the site backup.

    The parts send signals and events of their own. After the first database that fails
    nothing else is touched; of several media sources each is tried. Raises
    ``SiteRestoreFailed``, which says what became of each part; whatever interrupts it says the
    same as a warning.
    """
    states = _States(plan, console)
    for part, database in plan.databases:
        console.restoring(f"database {part.of!r}", database.backup.path)
        with states.of(part, otherwise=_UNTOUCHED, interrupted=_EITHER):
            saved = restore_database(database, sender=sender, console=console)
            console.restored(f"database {part.of!r}")
            if saved:
                console.way_back(part.of, saved.path.rpartition("/")[2], saved.until)
        states.require_success()
    for step in plan.media:
        console.restoring(f"media files in {step.address}", step.part.path)
        _restore_media(plan, step, states, sender, console)
    states.require_success()


def _restore_media(
    plan: SiteRestorePlan, step: MediaStep, states: "_States", sender: Sender, console: Console
) -> None:
    # The files may have changed while databases were restored: it is planned once more.
    with states.of(step.part, otherwise=_UNTOUCHED, interrupted=_UNTOUCHED):
        files = plan.options.plan(step.source, step.part)
    if step.part in states.done:
        with files, states.of(step.part, otherwise=_FILES, interrupted=_FILES):
            counts = restore_media(files, sender=sender, console=console)
            console.restored_media(step.address, counts, files.extra, deleted=files.delete)


class _States:
    """What became of each part so far."""

    def __init__(self, plan: SiteRestorePlan, console: Console) -> None:
        self._plan = plan
        self._console = console
        self._errors: list[Exception] = []
        self._failed: dict[Part, str] = {}
        self.done: list[Part] = []

    @contextmanager
    def of(self, part: Part, *, otherwise: str, interrupted: str) -> Iterator[None]:
        """Note what becomes of a part in the block: its state after an error."""
        if part in self.done:
            self.done.remove(part)
        try:
            yield
        except (DjangoRcloneError, InvalidSettings) as error:
            self._errors.append(error)
            self._failed[part] = _STATES.get(type(error), otherwise)
        except BaseException:
            self._failed[part] = interrupted
            self._console.warn("\n".join([*self._sentences(), self._hint()]))
            raise
        else:
            self.done.append(part)

    def require_success(self) -> None:
        """Raise ``SiteRestoreFailed`` if a part failed."""
        if self._errors:
            raise SiteRestoreFailed(self._errors, list(self._sentences()), self._hint())

    def _sentences(self) -> Iterator[str]:
        yield "This became of each part:"
        for part in self._plan.record.parts:
            state = _RESTORED if part in self.done else self._failed.get(part, _UNTOUCHED)
            yield f"{part}: {state}"

    def _hint(self) -> str:
        left = [part for part in self._plan.record.parts if part not in self.done]
        commands = "\n".join(map(self._plan.by_hand, left))
        return f"Correct that, and run restoresite again, or finish it by hand:\n{commands}"

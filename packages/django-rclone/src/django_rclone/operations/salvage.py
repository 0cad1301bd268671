"""Salvage of a backup that cannot be restored whole: what can be had of it, next to the live data."""

from collections.abc import Sequence
from dataclasses import dataclass

from ..console import Console
from ..exceptions import RestoreError
from ..rclone import session
from .client_errors import translated
from .restore import RestorePlan, load

_QUIET = Console()


@dataclass(frozen=True, slots=True)
class Salvage:
    """What was salvaged: where it is, and a sentence about each thing that is missing there."""

    place: str
    missing: Sequence[str]


@session()
def salvage_database(plan: RestorePlan, *, console: Console = _QUIET) -> Salvage:
    """Make what can be made of a backup in a new place next to the live database.

    The live database is not touched, so no signal is sent. Raises ``BackupRejected``,
    ``RestoreError`` or ``ProcessError``; nothing is left of the salvage then.
    """
    with (
        translated(RestoreError, plan.client),
        plan.client as client,
        client.salvage(plan.expected) as target,
    ):
        load(plan, target, console)
        return Salvage(target.place, target.missing)

"""Database restore: what can be known beforehand, and the order of steps."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from .. import conf
from ..backups import Backup
from ..backups.catalog import database_catalog
from ..backups.inventory import Inventory
from ..backups.pins import Pin
from ..backups.verification import OLD_KEY
from ..clients import get_client
from ..clients.base import DatabaseClient, RestoreTarget, SalvageTarget
from ..conf import Settings
from ..console import Console
from ..events import Operation, TargetState
from ..exceptions import (
    BackupRejected,
    RestoreError,
    SwapBroken,
    SwapRefused,
)
from ..interrupts import uninterrupted
from ..locks import exclusive
from ..rclone import Remote, session
from ..reporting import OperationContext, Sender, new_operation, report
from .client_errors import require_no_transaction, translated
from .foreign import foreign_backup, require_form
from .migrations import missing_migrations
from .newest import (
    dates_in_the_future,
    newest_backup,
    not_verified,
    of_environment,
    require_of,
)
from .reading import expected_inventory, stream
from .safety import back_up_first

_QUIET = Console()


@dataclass(frozen=True, slots=True, kw_only=True)
class RestorePlan:
    """A restore that can work: what would be restored, and where to."""

    alias: str
    backup: Backup
    expected: Inventory | None
    """What a restore must bring back, if that is known."""
    live: str
    """The database to be replaced, for the operator's eyes."""
    warnings: tuple[str, ...]
    """What the operator should know before agreeing."""
    safety_backup: bool
    """Whether what is live is backed up before it is replaced."""
    nothing_to_lose: str
    """Why that is not needed, in words; empty if it is."""
    client: DatabaseClient
    remote: Remote
    settings: Settings


@session()
def plan_restore(
    alias: str,
    *,
    name: str | None = None,
    from_environment: str | None = None,
    unverified: bool = False,
    partial: bool = False,
    salvage: bool = False,
    safety_backup: bool = True,
    foreign: str | None = None,
    jobs: int = 1,
) -> RestorePlan:
    """Find the backup to restore, and check all that can be checked beforehand.

    Without ``name`` it is the newest of ``alias`` in ``from_environment``, by
    default this environment. ``foreign`` is the path of one that another tool made.
    ``unverified`` accepts a backup without a valid manifest, if it is given by ``name``;
    ``partial`` accepts one that excludes tables or rows. With ``salvage`` the plan is for
    ``salvage_database()``: the live database is not asked. Without ``safety_backup``, or if
    ``SAFETY_BACKUP`` is ``None``, what is live will not be backed up first. Up to ``jobs``
    sessions will work at once, if the client can use them; a warning says if it cannot.
    Nothing is sent and nothing changes. Raises ``InvalidSettings``, ``BackupNotFound``,
    ``BackupRejected`` or ``RestoreError``.
    """
    settings = conf.load()
    client = get_client(alias, settings)
    client.jobs = jobs
    remote = Remote(settings)
    remote.require_supported()
    environment = settings.environment if from_environment is None else from_environment
    catalog = database_catalog(remote, settings)
    ahead: list[Backup] = []
    if foreign is not None:
        backup = foreign_backup(foreign, remote)
    elif name is None:
        backup, ahead = newest_backup(catalog, alias, environment)
    else:
        backup = catalog.get(name)
    require_verified(backup, accept=foreign is not None or (unverified and name is not None))
    if not backup.verified and not salvage:
        require_form(backup, alias, client, remote)
    _require_match(backup, alias, client, environment)
    _require_complete(backup, accept=partial)
    expected = expected_inventory(backup)
    with translated(RestoreError, client), client:
        require_no_transaction(client)
        if not salvage:
            client.check_restore(backup.manifest if backup.verified else None)
        return RestorePlan(
            alias=alias,
            backup=backup,
            expected=expected,
            live=client.describe_target(),
            warnings=(
                *not_verified(backup),
                *dates_in_the_future(ahead, backup),
                *(() if salvage else client.restore_warnings()),
                *_jobs_without_use(client, salvage=salvage),
            ),
            safety_backup=safety_backup and settings.safety_backup is not None and not salvage,
            nothing_to_lose="" if salvage else client.nothing_to_lose(),
            client=client,
            remote=remote,
            settings=settings,
        )


def _jobs_without_use(client: DatabaseClient, *, salvage: bool) -> Iterator[str]:
    problem = "a salvage takes one session" if salvage else client.jobs_problem()
    if client.jobs > 1 and problem:
        yield f"--jobs has no effect: {problem}."


@session()
def restore_database(plan: RestorePlan, *, sender: Sender, console: Console = _QUIET) -> Pin | None:
    """Replace the live database with the backup: completely, or not at all.

    What is live is backed up first, if the plan says so. The pin of that backup is
    returned, if one was made. Raises ``OperationVetoed``, ``OperationLocked``, ``BackupRejected``,
    ``RestoreError`` or ``ProcessError``. The live database is as it was then, unless
    it is ``SwapBroken`` or ``SwapUnknown``; the last event says so too.
    """
    backup = plan.backup
    event = new_operation(
        Operation.DB_RESTORE,
        environment=plan.settings.environment,
        database=plan.alias,
        path=backup.path,
    )
    with (
        report(event, sender=sender, console=console) as context,
        _state_noted(plan.alias, context),
    ):
        context.target_state = TargetState.UNCHANGED
        context.send_pre_signal()
        with exclusive(plan.remote, event, warn=console.warn):
            saved = (
                back_up_first(plan.alias, backup, plan.remote, plan.settings, console)
                if plan.safety_backup
                else None
            )
            _replace(plan, context, console)
        context.size = backup.size
    return saved


@contextmanager
def _state_noted(alias: str, context: OperationContext) -> Iterator[None]:
    """Let what ends a restore say that the live database is unchanged, if it is."""
    try:
        yield
    except BaseException as error:
        if context.target_state is TargetState.UNCHANGED:
            error.add_note(f"Database {alias!r} is unchanged.")
        raise


def _replace(plan: RestorePlan, context: OperationContext, console: Console) -> None:
    with (
        translated(RestoreError, plan.client),
        plan.client as client,
        client.restore(plan.expected) as target,
    ):
        load(plan, target, console)
        _swap(target, context)
        for remark in (*client.remarks(), *missing_migrations(plan.alias, plan.backup)):
            console.warn(remark)


def load(plan: RestorePlan, target: RestoreTarget | SalvageTarget, console: Console) -> None:
    """Write the whole backup to ``target`` and finish it. Live data is untouched."""
    stream(plan.backup, plan.remote, target, console)


def _swap(target: RestoreTarget, context: OperationContext) -> None:
    """Make the restored data live. The type of what is raised says what became of it."""
    context.target_state = TargetState.UNKNOWN
    try:
        with uninterrupted():
            target.swap()
    except SwapRefused:
        context.target_state = TargetState.UNCHANGED
        raise
    except SwapBroken:
        context.target_state = TargetState.CHANGED
        raise
    context.target_state = TargetState.CHANGED


def require_verified(backup: Backup, *, accept: bool = False) -> None:
    """Raise ``BackupRejected`` unless the backup is verified; ``accept`` lets any pass."""
    if backup.verified or accept:
        return
    raise BackupRejected(
        f"Refusing to restore {backup.path}: {backup.problem}.",
        hint=f"{OLD_KEY} Or choose another backup with -i, or restore this one anyway "
        f"with -i {backup.name} --unverified.",
    )


def _require_complete(backup: Backup, *, accept: bool) -> None:
    if backup.manifest is None or not backup.manifest.partial or accept:
        return
    raise BackupRejected(
        f"{backup.path} is partial: some tables or rows were excluded.",
        hint="Add --partial to restore it anyway; the excluded tables or rows will be missing.",
    )


def _require_match(backup: Backup, alias: str, client: DatabaseClient, environment: str) -> None:
    manifest = backup.manifest
    if manifest is None:
        return
    require_of(alias, backup)
    if not client.accepts(manifest.vendor, manifest.format):
        raise BackupRejected(
            f"{backup.path} holds {manifest.vendor} in format {manifest.format!r}; "
            f"database {alias!r} is {client.vendor} and takes {client.format!r}."
        )
    if manifest.environment != environment:
        raise BackupRejected(
            f"{backup.path} was made{of_environment(manifest.environment)}, "
            f"not{of_environment(environment)}.",
            hint=f"To restore it anyway, add --from-environment {manifest.environment!r}.",
        )

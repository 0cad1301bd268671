"""Database restore: what can be known beforehand, and the order of steps."""

from dataclasses import dataclass

from .. import conf
from ..backups import Backup
from ..backups.catalog import Catalogue
from ..clients import get_client
from ..clients.base import DatabaseClient, RestoreTarget
from ..conf import Settings
from ..console import Console
from ..events import Operation, TargetState
from ..exceptions import (
    BackupNotFound,
    BackupRejected,
    RestoreError,
    SwapBroken,
    SwapRefused,
)
from ..interrupts import uninterrupted
from ..locks import exclusive, name_of
from ..pipeline.compression import SUFFIXES, ZSTD
from ..pipeline.relay import Digest, apply_dump
from ..rclone import Rclone
from ..reporting import OperationContext, Sender, new_operation, report
from .client_errors import require_no_transaction, translated

_QUIET = Console()


@dataclass(frozen=True, slots=True, kw_only=True)
class RestorePlan:
    """A restore that can work: what would be restored, and where to."""

    alias: str
    backup: Backup
    live: str
    """The database to be replaced, for the operator's eyes."""
    warnings: tuple[str, ...]
    """What the operator should know before agreeing."""
    client: DatabaseClient
    rclone: Rclone
    settings: Settings


def plan_restore(
    alias: str,
    *,
    name: str | None = None,
    from_environment: str | None = None,
    unverified: bool = False,
    partial: bool = False,
) -> RestorePlan:
    """Find the backup to restore, and check all that can be checked beforehand.

    Without ``name`` it is the newest of ``alias`` in ``from_environment``, by
    default this environment. ``unverified`` accepts, by name alone, what no
    valid manifest vouches for, ``partial`` what is only a part. Nothing is sent
    and nothing changes. Raises ``InvalidSettings``, ``BackupNotFound``,
    ``BackupRejected`` or ``RestoreError``.
    """
    settings = conf.load()
    client = get_client(alias, settings)
    rclone = Rclone(settings)
    rclone.require_supported()
    environment = settings.environment if from_environment is None else from_environment
    catalogue = Catalogue(rclone, settings)
    if name is None:
        backup = _newest(catalogue, alias, environment)
    else:
        backup = catalogue.named(name)
    _require_trust(backup, accept=unverified and name is not None)
    _require_match(backup, alias, client, environment)
    _require_whole(backup, accept=partial)
    with translated(RestoreError), client:
        require_no_transaction(client)
        client.check_restore(backup.manifest if backup.verified else None)
        return RestorePlan(
            alias=alias,
            backup=backup,
            live=client.describe_target(),
            warnings=tuple(client.restore_warnings()),
            client=client,
            rclone=rclone,
            settings=settings,
        )


def restore_database(plan: RestorePlan, *, sender: Sender, console: Console = _QUIET) -> None:
    """Replace the live database with the backup: completely, or not at all.

    Raises ``OperationVetoed``, ``OperationLocked``, ``BackupRejected``,
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
    with report(event, sender=sender, console=console) as context:
        context.target_state = TargetState.UNCHANGED
        context.send_pre_signal()
        with (
            exclusive(plan.rclone, *name_of(event), warn=console.warn),
            translated(RestoreError),
            plan.client as client,
            client.restore() as target,
        ):
            _load(plan, target, console)
            _swap(target, context)
        context.size = backup.size


def _load(plan: RestorePlan, target: RestoreTarget, console: Console) -> None:
    """Write the whole backup to ``target`` and verify it. Live data is untouched."""
    with plan.rclone.download(plan.backup.path) as download:
        apply_dump(
            download,
            target,
            compression=_compression_of(plan.backup),
            expected=_expected(plan.backup),
            progress=console.progress,
        )


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


def _newest(catalogue: Catalogue, alias: str, environment: str) -> Backup:
    backups = catalogue.of(alias)
    # A doubtful one is not passed over: what it says of its environment is doubtful, too.
    here = [b for b in backups if b.environment == environment or not b.verified]
    if here:
        return here[0]
    others = sorted({backup.environment for backup in backups})
    raise BackupNotFound(
        f"There is no backup of database {alias!r}{_of_environment(environment)} on the remote.",
        hint=f"There are some of {', '.join(map(repr, others))}: ask for one by --from-environment."
        if others
        else "`manage.py listbackups` shows what there is.",
    )


def _require_trust(backup: Backup, *, accept: bool) -> None:
    if backup.verified or accept:
        return
    raise BackupRejected(
        f"{backup.path} is refused: {backup.problem}.",
        hint="Name another one by -i, or, if you know better, this one together with --unverified.",
    )


def _require_whole(backup: Backup, *, accept: bool) -> None:
    if backup.manifest is None or not backup.manifest.partial or accept:
        return
    raise BackupRejected(
        f"{backup.path} is partial: it was made without some of the tables or rows.",
        hint="If the database shall hold no more than what it holds, add --partial.",
    )


def _require_match(backup: Backup, alias: str, client: DatabaseClient, environment: str) -> None:
    manifest = backup.manifest
    if manifest is None:
        return
    if manifest.database != alias:
        raise BackupRejected(
            f"{backup.path} is a backup of database {manifest.database!r}, not of {alias!r}."
        )
    if not client.accepts(manifest.vendor, manifest.format):
        raise BackupRejected(
            f"{backup.path} holds {manifest.vendor} in format {manifest.format!r}; "
            f"database {alias!r} is {client.vendor} and takes {client.format!r}."
        )
    if manifest.environment != environment:
        raise BackupRejected(
            f"{backup.path} was made{_of_environment(manifest.environment)}, "
            f"not{_of_environment(environment)}.",
            hint=f"If that is what you want, add --from-environment {manifest.environment!r}.",
        )


def _of_environment(environment: str) -> str:
    return f" in environment {environment!r}" if environment else " without an environment"


def _compression_of(backup: Backup) -> str | None:
    """Return what its manifest says; without one, what its name says."""
    if backup.manifest is not None and backup.verified:
        return backup.manifest.compression
    return ZSTD if backup.name.endswith(f".{SUFFIXES[ZSTD]}") else None


def _expected(backup: Backup) -> Digest | None:
    """Return what the dump must prove to be. An unverified manifest vouches for nothing."""
    if backup.manifest is None or not backup.verified:
        return None
    return backup.manifest.digest

"""Database restore: what can be known beforehand, and the order of steps."""

from dataclasses import dataclass

from .. import conf
from ..backups import Backup
from ..backups.catalog import Catalog
from ..clients import get_client
from ..clients.base import DatabaseClient
from ..conf import Settings
from ..console import Console
from ..events import Operation, TargetState
from ..exceptions import BackupNotFound, BackupRejected
from ..locks import exclusive
from ..pipeline.compression import SUFFIXES, ZSTD
from ..pipeline.relay import Digest, load
from ..rclone import Remote
from ..reporting import Sender, new_operation, report

_QUIET = Console()
_STATES = {
    True: TargetState.CHANGED,
    False: TargetState.UNCHANGED,
    None: TargetState.UNKNOWN,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RestorePlan:
    """A restore that can work: what would be restored, and where to."""

    alias: str
    backup: Backup
    target: str
    """The live database, for the operator's eyes."""
    warnings: tuple[str, ...]
    """What the operator should know before agreeing."""
    client: DatabaseClient
    rclone: Remote
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
    rclone = Remote(settings)
    rclone.require_supported()
    environment = settings.environment if from_environment is None else from_environment
    catalog = Catalog(rclone, settings)
    if name is None:
        backup = _newest(catalog, alias, environment)
    else:
        backup = catalog.get(name)
    _require_trust(backup, accept=unverified and name is not None)
    _require_match(backup, alias, client, environment)
    _require_whole(backup, accept=partial)
    client.check_restore(backup.manifest if backup.verified else None)
    return RestorePlan(
        alias=alias,
        backup=backup,
        target=client.describe_target(),
        warnings=tuple(client.restore_warnings()),
        client=client,
        rclone=rclone,
        settings=settings,
    )


def restore_database(plan: RestorePlan, *, sender: Sender, console: Console = _QUIET) -> None:
    """Replace the live database by the backup: wholly, or not at all.

    Raises ``OperationVetoed``, ``OperationLocked``, ``BackupRejected``,
    ``RestoreError`` or ``ProcessError``; the live database is as it was then.
    """
    backup = plan.backup
    event = new_operation(
        Operation.DB_RESTORE,
        environment=plan.settings.environment,
        database=plan.alias,
        path=backup.path,
    )
    with report(event, sender=sender, console=console) as run:
        run.target_state = TargetState.UNCHANGED
        run.send_pre_signal()
        with (
            exclusive(plan.rclone, event, warn=console.warn),
            plan.client.restore() as target,
            plan.rclone.download(backup.path) as download,
        ):
            try:
                load(
                    download,
                    target,
                    compression=_compression_of(backup),
                    expected=_expected(backup),
                    progress=console.progress,
                )
            finally:
                run.target_state = _STATES[target.changed]
        run.size = backup.size


def _newest(catalog: Catalog, alias: str, environment: str) -> Backup:
    backups = catalog.for_database(alias)
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

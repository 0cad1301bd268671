"""Database backup, restore and retention: the order of steps."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import NamedTuple

import django

from .. import conf
from ..backups import Backup, Naming
from ..catalogue import Catalogue
from ..clients import get_client
from ..clients.base import DatabaseClient
from ..compression import SUFFIXES, ZSTD
from ..conf import Settings
from ..console import Console
from ..events import Operation, OperationEvent
from ..exceptions import BackupNotFound, BackupRejected, DumpError, RcloneError
from ..manifest import Manifest, manifest_path, signer
from ..rclone import Rclone
from ..relay import Digest, load, store
from ..reporting import Sender, begin, report
from ..retention import expired

_QUIET = Console()


def backup_database(alias: str, *, sender: Sender, console: Console = _QUIET) -> Backup:
    """Back up one database, and return the backup once it is known to be restorable.

    ``sender`` is what signals carry, the class of the command. Raises
    ``InvalidSettings`` before anything is sent; ``OperationVetoed``,
    ``DumpError`` or ``ProcessError`` when there is no backup.
    """
    settings = conf.load()
    client = get_client(alias, settings)
    event = begin(Operation.DB_BACKUP, environment=settings.environment, database=alias)
    event = replace(event, path=_new_path(settings, client, event))
    with report(event, sender=sender, console=console) as run:
        rclone = Rclone(settings)
        rclone.require_supported()
        client.check_dump()
        run.ask_permission()
        manifest = _store(client, rclone, settings, event, console)
        run.size = manifest.size
    return Backup(path=manifest.path, size=manifest.size, manifest=manifest)


@dataclass(frozen=True, slots=True, kw_only=True)
class RestorePlan:
    """A restore that can work: what would be restored, and where to."""

    alias: str
    backup: Backup
    target: str
    """The live database, for the operator's eyes."""
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
    valid manifest vouches for, and ``partial`` what is only a part. Nothing is sent and nothing changes. Raises
    ``InvalidSettings``, ``BackupNotFound``, ``BackupRejected`` or ``RestoreError``.
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
    client.check_restore(backup.manifest if backup.verified else None)
    return RestorePlan(
        alias=alias,
        backup=backup,
        target=client.describe_target(),
        client=client,
        rclone=rclone,
        settings=settings,
    )


def restore_database(plan: RestorePlan, *, sender: Sender, console: Console = _QUIET) -> None:
    """Replace the live database by the backup: wholly, or not at all.

    Raises ``OperationVetoed``, ``BackupRejected``, ``RestoreError`` or
    ``ProcessError``; the live database is as it was then.
    """
    backup = plan.backup
    event = begin(
        Operation.DB_RESTORE,
        environment=plan.settings.environment,
        database=plan.alias,
        path=backup.path,
    )
    with report(event, sender=sender, console=console) as run:
        run.target_changed = False
        run.ask_permission()
        with plan.client.restore() as target, plan.rclone.download(backup.path) as download:
            try:
                load(
                    download,
                    target,
                    compression=_compression_of(backup),
                    expected=_expected(backup),
                    progress=console.progress,
                )
            finally:
                run.target_changed = target.changed
        run.size = backup.size


class Pruned(NamedTuple):
    """What retention took away: backups beyond those to keep, and abandoned dumps."""

    backups: list[Backup]
    leftovers: list[str]


def prune_database(alias: str, *, sender: Sender, console: Console = _QUIET) -> Pruned:
    """Delete the verified backups of one database beyond the newest ``DB_CLEANUP_KEEP``.

    Only those of this environment count and go. Dumps that a run of ours
    abandoned without a manifest go too, two days after. Nothing is deleted
    unless the remote could be listed whole. Raises ``RcloneError``.
    """
    settings = conf.load()
    event = begin(Operation.DB_PRUNE, environment=settings.environment, database=alias)
    with report(event, sender=sender, console=console):
        rclone = Rclone(settings)
        catalogue = Catalogue(rclone, settings)
        ours = [b for b in catalogue.of(alias) if b.environment == settings.environment]
        pruned = Pruned(expired(ours, keep=settings.db_cleanup_keep), catalogue.leftovers(alias))
        for backup in reversed(pruned.backups):
            # The manifest goes first: half a deletion leaves no backup behind.
            rclone.delete(manifest_path(backup.path))
            rclone.delete(backup.path)
        for path in pruned.leftovers:
            rclone.delete(path)
        if doubtful := [backup for backup in ours if not backup.verified]:
            console.warn(f"{len(doubtful)} backups could not be verified; they were kept.")
    return pruned


def list_databases(alias: str | None = None) -> list[Backup]:
    """Return the backups of one database, or of all, newest first.

    Raises ``InvalidSettings`` or ``RcloneError``.
    """
    settings = conf.load()
    catalogue = Catalogue(Rclone(settings), settings)
    return catalogue.all() if alias is None else catalogue.of(alias)


def _new_path(settings: Settings, client: DatabaseClient, event: OperationEvent) -> str:
    naming = Naming(settings.db_filename_template, settings.db_date_format)
    suffix = f".{SUFFIXES[settings.compression]}" if settings.compression else ""
    extension = client.extension + suffix
    name = naming.name(event.database or "", event.started_at, event.operation_id, extension)
    return f"{settings.db_backup_dir}/{name}"


def _store(
    client: DatabaseClient,
    rclone: Rclone,
    settings: Settings,
    event: OperationEvent,
    console: Console,
) -> Manifest:
    """Stream the dump, make sure of it, and commit it by its manifest."""
    path = event.path or ""
    with client.dump() as dump:
        migrations = client.applied_migrations()
        with rclone.upload(path, progress=console.progress) as upload:
            digest = store(
                dump, upload, compression=settings.compression, level=settings.compression_level
            )
    with _removed_unless_committed(rclone, path):
        _require_stored(rclone, path, digest)
        manifest = _manifest(client, settings, event, digest, migrations)
        data = manifest.to_bytes()
        rclone.write(manifest_path(path), data)
        if rclone.read(manifest_path(path)) != data:
            raise RcloneError("The manifest could not be read back as it was written.")
    return manifest


@contextmanager
def _removed_unless_committed(rclone: Rclone, path: str) -> Iterator[None]:
    try:
        yield
    except BaseException:
        rclone.discard(manifest_path(path))
        rclone.discard(path)
        raise


def _require_stored(rclone: Rclone, path: str, digest: Digest) -> None:
    if digest.raw_size == 0:
        raise DumpError("The dump is empty: there is nothing to back up.")
    stored = rclone.size(path)
    if stored != digest.size:
        found = "nothing" if stored is None else f"{stored:,} bytes"
        raise RcloneError(
            f"The remote holds {found} at {path}, {digest.size:,} bytes were sent.",
            hint="Look at the remote itself: quota, filters in RCLONE_FLAGS, another writer.",
        )


def _manifest(
    client: DatabaseClient,
    settings: Settings,
    event: OperationEvent,
    digest: Digest,
    migrations: tuple[str, ...],
) -> Manifest:
    versions = client.versions()
    manifest = Manifest(
        database=event.database,
        path=event.path or "",
        created_at=event.started_at,
        vendor=client.vendor,
        format=client.format,
        compression=settings.compression,
        size=digest.size,
        sha256=digest.sha256,
        raw_size=digest.raw_size,
        tool=versions.tool,
        tool_version=versions.tool_version,
        server_version=versions.server_version,
        django_version=django.get_version(),
        environment=settings.environment,
        migrations=migrations,
        partial=client.partial,
    )
    return manifest.signed(signer(settings.signing_key, settings.signing_key_fallbacks))


def _newest(catalogue: Catalogue, alias: str, environment: str) -> Backup:
    backups = catalogue.of(alias)
    here = [backup for backup in backups if backup.environment == environment]
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
    if (manifest.vendor, manifest.format) != (client.vendor, client.format):
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

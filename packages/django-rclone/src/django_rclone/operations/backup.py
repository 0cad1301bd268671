"""Database backup: the order of steps."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import django

from .. import conf
from ..backups import Backup
from ..backups.manifest import Manifest, manifest_path, signer
from ..backups.naming import Naming
from ..clients import get_client
from ..clients.base import DatabaseClient
from ..conf import Settings
from ..console import Console
from ..events import Operation, OperationEvent
from ..exceptions import DjangoRcloneError, DumpError, ExecutableNotFound, RcloneError
from ..interrupts import sleep
from ..pipeline.compression import SUFFIXES
from ..pipeline.relay import Digest, store
from ..rclone import Remote
from ..reporting import Sender, new_operation, report

_QUIET = Console()
_PAUSE = 5.0  # seconds before a second try; then three times as long, each


def backup_database(
    alias: str, *, sender: Sender, retries: int = 0, console: Console = _QUIET
) -> Backup:
    """Back up one database, and return the backup once it is known to be restorable.

    ``sender`` is what signals carry, the class of the command. What fails is begun
    anew ``retries`` times, under a new name: observers hear of one operation and
    its end. Raises ``InvalidSettings`` before anything is sent;
    ``OperationVetoed``, ``DumpError`` or ``ProcessError`` when there is no backup.
    """
    settings = conf.load()
    client = get_client(alias, settings)
    event = new_operation(Operation.DB_BACKUP, environment=settings.environment, database=alias)
    event = replace(event, path=_path(settings, client, event))
    with report(event, sender=sender, console=console) as run:
        rclone = Remote(settings)
        rclone.require_supported()
        if client.connection.in_atomic_block:
            raise DumpError("A transaction is open on this connection; end it first.")
        client.check_dump()
        for warning in client.dump_warnings():
            console.warn(warning)
        run.send_pre_signal()
        manifest = _tried(client, rclone, settings, event, console, retries)
        run.path, run.size = manifest.path, manifest.size
    return Backup(path=manifest.path, size=manifest.size, manifest=manifest)


def _path(settings: Settings, client: DatabaseClient, event: OperationEvent) -> str:
    naming = Naming(settings.db_filename_template, settings.db_date_format)
    suffix = f".{SUFFIXES[settings.compression]}" if settings.compression else ""
    extension = client.extension + suffix
    name = naming.name(event.database or "", event.started_at, event.operation_id, extension)
    return f"{settings.db_backup_dir}/{name}"


def _tried(
    client: DatabaseClient,
    rclone: Remote,
    settings: Settings,
    event: OperationEvent,
    console: Console,
    retries: int,
) -> Manifest:
    for tries in range(1, retries + 1):
        try:
            return _store(client, rclone, settings, event, console)
        except ExecutableNotFound:
            raise
        except DjangoRcloneError as error:
            console.warn(f"Try {tries} of {retries + 1} failed: {error.message}")
        sleep(_PAUSE * 3 ** (tries - 1))
        # A dump is of another moment, and has a name of its own.
        anew = new_operation(event.operation, environment=event.environment, database=event.database)
        event = replace(anew, path=_path(settings, client, anew))
    return _store(client, rclone, settings, event, console)


def _store(
    client: DatabaseClient,
    rclone: Remote,
    settings: Settings,
    event: OperationEvent,
    console: Console,
) -> Manifest:
    """Stream the dump, make sure of it, and commit it by its manifest."""
    path = event.path or ""
    # A remote that does not answer is found before the database has any work.
    if rclone.exists(path):
        raise RcloneError(f"There is something at {path} already.")
    with client.dump() as dump:
        migrations = client.applied_migrations()
        with rclone.upload(path, progress=console.progress) as upload:
            digest = store(
                dump,
                upload,
                compression=settings.compression,
                level=settings.compression_level,
                begins=client.begins,
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
def _removed_unless_committed(rclone: Remote, path: str) -> Iterator[None]:
    try:
        yield
    except BaseException:
        rclone.try_delete(manifest_path(path))
        rclone.try_delete(path)
        raise


def _require_stored(rclone: Remote, path: str, digest: Digest) -> None:
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

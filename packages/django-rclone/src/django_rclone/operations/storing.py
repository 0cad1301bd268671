"""The storing of one dump: streamed, read back, and committed with its manifest."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

import django

from ..backups.catalog import commit_manifest
from ..backups.inventory import Inventory
from ..backups.manifest import Manifest, signer
from ..backups.naming import Naming
from ..clients.base import DatabaseClient
from ..conf import Settings
from ..console import Console
from ..exceptions import DjangoRcloneError, DumpError, ExecutableNotFound
from ..interrupts import sleep
from ..pipeline.compression import SUFFIXES
from ..pipeline.relay import Digest, upload_dump
from ..processes import StallTimeout
from ..rclone import Remote
from .uploads import deleted_on_error, require_size

_BACKOFF_SECONDS = 5.0  # before the second attempt; three times as long before each further one


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try at storing a dump: a dump of another moment has a name of its own."""

    path: str
    started_at: datetime


def new_attempt(
    alias: str, client: DatabaseClient, settings: Settings, *, mark: str = ""
) -> Attempt:
    """Return the try that begins now. ``mark`` is put into its name, before the extension."""
    now = datetime.now(UTC)
    naming = Naming(settings.db_filename_template, settings.db_date_format)
    suffix = f".{SUFFIXES[settings.compression]}" if settings.compression else ""
    # The token keeps apart two hosts whose cron starts them in the same second.
    name = naming.name(alias, now, secrets.token_hex(4), mark + client.extension + suffix)
    return Attempt(f"{settings.db_backup_dir}/{name}", now)


@dataclass(frozen=True, slots=True)
class _Dumped:
    """What is known of a dump once it was uploaded."""

    digest: Digest
    migrations: tuple[str, ...]
    inventory: Inventory | None


@dataclass(frozen=True, slots=True)
class Storing:
    """What all attempts at one dump share."""

    alias: str
    client: DatabaseClient
    remote: Remote
    settings: Settings
    console: Console

    def store_with_retries(self, attempt: Attempt, retries: int) -> Manifest:
        """Store the dump; try again up to ``retries`` times, each time under a new name."""
        for number in range(1, retries + 1):
            try:
                return self.store(attempt)
            except ExecutableNotFound:
                raise
            except DjangoRcloneError as error:
                self.console.warn(f"Attempt {number} of {retries + 1} failed: {error.message}")
            sleep(_BACKOFF_SECONDS * 3 ** (number - 1))
            attempt = new_attempt(self.alias, self.client, self.settings)
        return self.store(attempt)

    def store(
        self, attempt: Attempt, *, before_commit: Callable[[], None] = lambda: None
    ) -> Manifest:
        """Stream the dump, check what was stored, and commit it with its manifest.

        ``before_commit`` is called when all is known to be stored but the manifest.
        """
        path = attempt.path
        self.remote.require_reachable(path)
        with deleted_on_error(self.remote, path):
            dumped = self._upload(path)
            if dumped.digest.raw_size == 0:
                raise DumpError("The dump is empty: there is nothing to back up.")
            require_size(self.remote, path, dumped.digest.size)
            manifest = self._manifest(attempt, dumped)
            before_commit()
            commit_manifest(self.remote, manifest)
        return manifest

    def _upload(self, path: str) -> _Dumped:
        settings = self.settings
        with self.client.dump(stall_timeout=_stall_timeout(settings)) as dump:
            migrations = self.client.applied_migrations()
            with self.remote.upload(path, progress=self.console.progress) as upload:
                digest = upload_dump(
                    dump,
                    upload,
                    compression=settings.compression,
                    level=settings.compression_level,
                    magic=self.client.magic,
                )
            inventory = self.client.dump_inventory()
            for remark in self.client.remarks():
                self.console.warn(remark)
        return _Dumped(digest, migrations, inventory)

    def _manifest(self, attempt: Attempt, dumped: _Dumped) -> Manifest:
        client, settings, digest = self.client, self.settings, dumped.digest
        versions = client.versions()
        manifest = Manifest(
            database=self.alias,
            path=attempt.path,
            created_at=attempt.started_at,
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
            migrations=dumped.migrations,
            inventory=dumped.inventory.to_text() if dumped.inventory else "",
            damage_check=client.damage_check,
            partial=client.partial,
        )
        return manifest.signed(signer(settings.signing_key, settings.signing_key_fallbacks))


def _stall_timeout(settings: Settings) -> StallTimeout | None:
    seconds = settings.dump_stall_timeout
    return None if seconds is None else StallTimeout(seconds, "DUMP_STALL_TIMEOUT")

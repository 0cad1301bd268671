"""The manifests that were checked on this host before, so that none is read twice.

One request for each of 10,000 manifests would be most of the time of a listing. What was
found is kept with the size and the time of the manifest, as the listing of its folder has
them, and counts as long as the next listing has the same.

The whole is signed with the key of the manifests: who forges it, or gives us that of another
remote, can only have it thrown away. It is not asked when a backup is restored or deleted.
"""

import hmac
import json
from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from typing import Any

from django.utils.crypto import salted_hmac

from ..conf import Settings
from ..rclone.output import RemoteObject
from . import Backup, host_cache
from .manifest import Facts, Manifest, ManifestError
from .verification import wrong_size

_SALT = f"django_rclone.backups.checked.1.{'.'.join(Facts._fields)}"
"""The number is that of the format: what another release wrote in another one is not read."""

_CLOCKS_DIFFER = timedelta(days=1)

_MAC_LENGTH = 64


class CheckedManifests:
    """What was found in the manifests in one folder of a remote, by the path of the backup."""

    def __init__(self, settings: Settings, place: str) -> None:
        self._place = place.encode()
        self._secret = "\0".join((settings.signing_key, *settings.signing_key_fallbacks))
        self._file = self._mac(b"")[:32]
        self._rows = self._read()
        self._changed = False

    def get(self, path: str, size: int, manifest: RemoteObject) -> Backup | None:
        """Return the backup of ``size`` bytes at ``path``, if ``manifest`` is as it was then."""
        row = self._rows.get(path)
        if row is None or row[:2] != [manifest.size, _stamp(manifest)]:
            return None
        text, created_at, *rest = row[2:]
        facts = Facts(datetime.fromisoformat(created_at), *rest)
        try:
            whole = Manifest.from_bytes(text.encode()) if text else None
        except ManifestError:
            return None  # it is that of another release
        problem = wrong_size(size, facts)
        return Backup(path=path, size=size, problem=problem, manifest=whole, facts=facts)

    def add(self, backup: Backup, manifest: RemoteObject) -> None:
        """Take up a verified backup, and its manifest if it has one."""
        stamp, facts = _stamp(manifest), backup.facts
        if facts is None or not stamp:
            return
        # Storages without times make one up: such a time shows no change.
        if datetime.fromisoformat(stamp) >= facts.created_at - _CLOCKS_DIFFER:
            text = backup.manifest.to_bytes().decode() if backup.manifest else ""
            created_at, *rest = facts
            row = [manifest.size, stamp, text, created_at.isoformat(), *rest]
            self._rows[backup.path] = row
            self._changed = True

    def save(self, listed: Collection[str]) -> None:
        """Keep what was taken up for the next time, but nothing of what is not ``listed``."""
        if not self._changed:
            return
        rows = {path: row for path, row in self._rows.items() if path in listed}
        data = json.dumps(rows, separators=(",", ":")).encode()
        host_cache.write(self._file, self._mac(data).encode() + data)
        self._changed = False

    def _read(self) -> dict[str, list[Any]]:
        found = host_cache.read(self._file) or b""
        mac, data = found[:_MAC_LENGTH], found[_MAC_LENGTH:]
        if not hmac.compare_digest(mac, self._mac(data).encode()):
            return {}
        rows: dict[str, list[Any]] = json.loads(data)
        return rows

    def _mac(self, data: bytes) -> str:
        value = self._place + b"\0" + data
        mac: str = salted_hmac(_SALT, value, secret=self._secret, algorithm="sha256").hexdigest()
        return mac


def _stamp(manifest: RemoteObject) -> str:
    """Return the time of a manifest in UTC, whatever the time zone of this process."""
    try:
        return datetime.fromisoformat(manifest.modified).astimezone(UTC).isoformat()
    except (ValueError, OverflowError):
        return ""

"""Reading the manifests of listed dumps: those that this host has not checked before."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from ..conf import Settings
from ..exceptions import RcloneError
from ..rclone import Remote
from ..rclone.output import RemoteObject
from . import Backup
from .checked import CheckedManifests
from .manifest import MANIFEST_SUFFIX, Manifest, ManifestError, manifest_path, signer
from .verification import compare, read_backup

_FEW = 16
"""So many manifests are sooner read one by one than with all others in the folder."""


class Manifests:
    """The manifests of the dumps that were listed in a folder of the remote.

    If not ``whole``, only the facts of those that are in order are kept.
    """

    def __init__(
        self,
        remote: Remote,
        settings: Settings,
        folder: str,
        stored: Mapping[str, RemoteObject],
        *,
        whole: bool,
    ) -> None:
        self._remote = remote
        self._folder = folder
        self._stored = stored
        self._whole = whole
        self._signer = signer(settings.signing_key, settings.signing_key_fallbacks)
        self._checked = CheckedManifests(settings, remote.address(folder))

    def read(self, paths: Sequence[str]) -> list[Backup]:
        """Return the backups at those of ``paths`` that have a manifest, in any order.

        One whose manifest was listed, and cannot be found any more, has a problem.
        """
        found, unknown = [], []
        for path in paths:
            listed = self._stored.get(manifest_path(path))
            known = self._checked.get(path, self._size(path), listed) if listed else None
            if known:
                found.append(known)
            else:
                unknown.append(path)
        read = self._read_all(unknown) if len(unknown) > _FEW else self._read_each(unknown)
        for backup in read:
            listed = self._stored.get(manifest_path(backup.path))
            if backup.verified and listed:
                self._checked.add(backup, listed)
            found.append(backup)
        self._checked.save(self._stored)
        return found

    def _read_each(self, paths: Sequence[str]) -> Iterator[Backup]:
        for path in paths:
            data = self._remote.read(manifest_path(path))
            if data is not None:
                yield self._lean(read_backup(path, self._size(path), data, self._signer))
            elif self._is_listed(path):
                yield self._with_problem(path, "its manifest is not there any more")

    def _lean(self, backup: Backup) -> Backup:
        manifest = backup.manifest
        if manifest is None:
            return backup
        if manifest.path != backup.path:
            # It may be a copy of a good one, or forged: in neither case it is about this object.
            return replace(backup, manifest=None, facts=None)
        # Thousands of manifests would need much memory.
        return backup if self._whole else replace(backup, manifest=None)

    def _read_all(self, paths: Sequence[str]) -> Iterator[Backup]:
        """Read all manifests in one run, which does not say from which object each one comes.

        One that names a path is not always that in the object named after the path: if there
        is a doubt which of them it is, it is asked for by its name.
        """
        claims: dict[str, bytes] = {}
        found: dict[str, Backup | None] = dict.fromkeys(paths)
        doubtful = set()
        for data, manifest in self._manifests():
            path = manifest.path
            if path not in found:
                continue
            listed = self._stored.get(manifest_path(path))
            if claims.setdefault(path, data) != data or listed is None or listed.size != len(data):
                doubtful.add(path)
            elif found[path] is None:
                found[path] = self._lean(compare(path, self._size(path), manifest, self._signer))
        for path, backup in found.items():
            if backup and path not in doubtful:
                yield backup
            elif path not in doubtful and self._is_listed(path):
                problem = "its manifest cannot be read, or belongs to another backup"
                yield self._with_problem(path, problem)
        yield from self._read_each(list(doubtful))

    def _manifests(self) -> Iterator[tuple[bytes, Manifest]]:
        """Yield every manifest in the folder that can be read."""
        try:
            lines = self._remote.read_all(self._folder, MANIFEST_SUFFIX)
        except RcloneError as error:
            # A clean-up elsewhere may have deleted one in the meantime.
            if not error.missing:
                raise
            lines = self._remote.read_all(self._folder, MANIFEST_SUFFIX)
        for line in lines:
            data = line + b"\n"  # as it is stored
            try:
                yield data, Manifest.from_bytes(data)
            except ManifestError:
                continue

    def _is_listed(self, path: str) -> bool:
        """Return whether there is a manifest of ``path`` in the listing, empty ones aside."""
        listed = self._stored.get(manifest_path(path))
        return listed is not None and listed.size > 0

    def _with_problem(self, path: str, problem: str) -> Backup:
        return Backup(path=path, size=self._size(path), problem=problem)

    def _size(self, path: str) -> int:
        return self._stored[path].size

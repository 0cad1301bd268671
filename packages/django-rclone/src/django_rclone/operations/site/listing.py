"""The site backups on the remote, with what is missing in them."""

from collections.abc import Sequence
from typing import NamedTuple

from ... import conf
from ...backups.manifest import manifest_path
from ...backups.sites import Part, SiteBackup, read_sites
from ...conf import Settings
from ...rclone import Remote, session
from ..media.runs import runs_folder


class ListedSite(NamedTuple):
    """A site backup in a list."""

    site: SiteBackup
    missing: tuple[Part, ...]
    """The parts that are not on the remote any more; none if it is not verified."""

    @property
    def verified(self) -> bool:
        """Whether its record is signed with our key."""
        return not self.site.problem

    @property
    def whole(self) -> bool:
        """Whether all is there that there was."""
        record = self.site.record
        return self.verified and record is not None and not record.partial and not self.missing


@session()
def list_sites() -> list[ListedSite]:
    """Return all site backups, newest first. Raises ``InvalidSettings`` or ``RcloneError``."""
    settings = conf.load()
    remote = Remote(settings)
    return with_missing(read_sites(remote, settings), remote, settings)


def with_missing(
    sites: Sequence[SiteBackup], remote: Remote, settings: Settings
) -> list[ListedSite]:
    """Return site backups with what is missing in them. Raises ``RcloneError``."""
    if not sites:
        return []
    folders = (settings.db_backup_dir, runs_folder(settings))
    stored = {item.path for folder in folders for item in remote.list(folder)}
    # What many site backups lack is asked for once.
    known: dict[str, bool] = {}

    def is_there(part: Part) -> bool:
        if part.path not in known:
            known[part.path] = all(
                # Absence in one listing is not absence.
                path in stored or remote.size(path) is not None
                for path in (part.path, manifest_path(part.path))
            )
        return known[part.path]

    return [
        ListedSite(
            site,
            tuple(part for part in site.record.parts if not is_there(part))
            if site.record and not site.problem
            else (),
        )
        for site in sites
    ]

"""Where media files are restored to."""

from dataclasses import dataclass, replace

from ... import conf
from ...conf import Settings
from ...conf.media_sources import MediaSource
from ...exceptions import MediaGuardError
from ...rclone import Remote
from ...rclone.copying import Copying
from ..places import backups_around, require_media_apart
from .places import MediaPlace, media_place


@dataclass(frozen=True, slots=True)
class Destination:
    """The place for the files, and what brings them there."""

    place: MediaPlace
    remote: Remote
    copying: Copying
    settings: Settings


def find_destination(source: MediaSource, to: str | None) -> Destination:
    """Return where files of a source go: ``to`` is another folder than its own.

    Raises ``InvalidSettings``, ``MediaGuardError`` or ``RcloneError`` for a place that no
    file may be restored to.
    """
    settings = conf.load()
    copying = Copying(settings)
    require_media_apart(settings)
    remote = Remote(settings)
    if to is not None:
        source = replace(source, folder=to, remote="", storage="")
        if backups := backups_around(remote, settings, to):
            raise MediaGuardError(
                f"Nothing can be restored to {to}: the backups are in {backups}.",
                hint="Name a folder that is neither in that one nor around it.",
            )
    place = media_place(source, settings, copying)
    remote.require_supported()
    return Destination(place, remote, copying, settings)

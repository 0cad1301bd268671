"""Where media files are restored to."""

from dataclasses import dataclass, replace

from ... import conf
from ...conf import Settings
from ...conf.media_sources import MediaSource
from ...rclone import Remote
from ...rclone.copying import Copying
from ..places import require_media_apart
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
    if to is not None:
        source = replace(source, folder=to, remote="", storage="")
        settings = replace(settings, media_sources=(source, *settings.media_sources))
    place = media_place(source, settings, copying)
    require_media_apart(settings)
    remote = Remote(settings)
    remote.require_supported()
    return Destination(place, remote, copying, settings)

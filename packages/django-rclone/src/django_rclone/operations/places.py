"""Whether backups lie apart from what a site serves, and what it serves from what it must not."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from ..conf import Settings
from ..conf.places import database_files, private_places, served_folders
from ..conf.validators import did_you_mean
from ..exceptions import ExecutableNotFound, InvalidSettings, RcloneError
from ..rclone import Remote
from .media.storages import local_folder


def misplaced_backups(remote: Remote, settings: Settings) -> Iterator[InvalidSettings]:
    """Yield what is wrong with the place of backups.

    In a folder that is served every visitor could download them. A media run would copy
    them, or delete them.
    """
    served = served_folders()
    static = served.pop("STATIC_ROOT", None)
    media = [
        *served.items(),
        *(
            ("MEDIA_SOURCES", folder)
            for source in settings.media_sources
            for folder in _places(remote, source.remote or source.folder or local_folder(source))
        ),
    ]
    for place in _places(remote, settings.remote):
        name = next((name for name, folder in media if _overlap(place, folder)), "")
        if static and place.is_relative_to(static):
            name = name or "STATIC_ROOT"
        if name:
            problem = f"and {name} are not separate: backups would lie in {_shown(place)}"
            yield InvalidSettings("REMOTE", problem, "Choose a folder outside of it.")


def backups_around(remote: Remote, settings: Settings, folder: str) -> Path | None:
    """Return where backups lie in a folder, or around it; ``None`` if it is separate."""
    places = [Path(place) for place in _places(remote, folder)]
    kept = _places(remote, settings.remote)
    return next((one for one in kept if any(_overlap(one, place) for place in places)), None)


def misplaced_media() -> Iterator[InvalidSettings]:
    """Yield what is wrong with the folders that are served: they hold what nobody may read.

    A media restore would replace it, too.
    """
    for name, folder in served_folders().items():
        for what, place in private_places():
            if place.is_relative_to(folder):
                problem = f"{name} ({folder}) contains {what}, which every visitor could read"
                yield InvalidSettings("", problem, f"Let {name} be a folder of its own.")


def shared_disks(remote: Remote, settings: Settings) -> Iterator[InvalidSettings]:
    """Yield what is wrong if a folder for backups is on the disk of what is backed up.

    Where a server keeps its databases is not known here.
    """
    kept = [place for place in _places(remote, settings.remote) if place.is_absolute()]
    disks = {disk for disk in map(_disk, kept) if disk is not None}
    media = [
        (f"media source {source.name!r}", Path(folder))
        for source in settings.media_sources
        if (folder := source.folder or local_folder(source))
    ]
    live = [*database_files(), *media]
    if shared := [what for what, place in live if _disk(place) in disks]:
        problem = f"is a folder on the disk of {' and '.join(shared)}, and would be lost with it"
        hint = "Choose a storage elsewhere: `manage.py backupsetup` helps."
        yield InvalidSettings("REMOTE", problem, hint)


def unknown_remotes(remote: Remote, settings: Settings) -> Iterator[InvalidSettings]:
    """Yield the remotes that are in no configuration which this user can read."""
    named = [("REMOTE", settings.remote)]
    named += [("MEDIA_SOURCES", source.remote) for source in settings.media_sources]
    for key, place in named:
        try:
            known = remote.is_configured(place)
        except RcloneError:
            return  # a configuration that cannot be read: whatever follows says so
        if not known:
            name = place.partition(":")[0]
            hint = did_you_mean(name, [one.name for one in settings.remotes])
            hint = (
                hint or f"Add {name!r} to REMOTES, or to rclone's configuration: `rclone config`."
            )
            yield InvalidSettings(key, f"is on {name!r}, which is configured nowhere", hint)


def require_backups_apart(settings: Settings) -> None:
    """Raise ``InvalidSettings`` for the first problem with the place of backups."""
    try:
        remote = Remote(settings)
    except ExecutableNotFound:
        return  # the operation says so, to observers too
    for problem in misplaced_backups(remote, settings):
        raise problem


def require_media_apart(settings: Settings) -> None:
    """Raise ``InvalidSettings`` for the first problem with the places of backups and media."""
    require_backups_apart(settings)
    for problem in misplaced_media():
        raise problem


def _places(remote: Remote, place: str) -> Sequence[Path]:
    if not place:
        return []
    try:
        return remote.places_behind(place)
    except RcloneError:
        # A configuration that cannot be read: whatever follows says so.
        return []


def _disk(place: Path) -> int | None:
    """Return which disk a folder or a file is on, or will be once it is made."""
    for existing in (place, *place.parents):
        try:
            return existing.stat().st_dev
        except FileNotFoundError:
            continue
        except OSError:
            return None
    return None


def _overlap(one: Path, other: Path) -> bool:
    return one.is_relative_to(other) or other.is_relative_to(one)


def _shown(place: Path) -> str:
    return str(place) if place.is_absolute() else str(place).replace(":/", ":", 1)

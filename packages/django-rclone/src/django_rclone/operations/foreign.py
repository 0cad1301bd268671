"""Backups of other tools: what is on the remote, what each one is, and whether it can be restored."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from .. import conf
from ..backups import Backup
from ..backups.catalog import database_catalog
from ..backups.manifest import manifest_path
from ..backups.naming import validate_path
from ..clients import kinds_of
from ..clients.base import DatabaseClient
from ..conf import Settings
from ..exceptions import BackupNotFound, BackupRejected, DjangoRcloneError
from ..pipeline.decoding import Head, read_head
from ..rclone import Remote, session
from ..rclone.output import RemoteObject

_LIST = "`manage.py listbackups --foreign` shows what there is."
_TAR = slice(257, 262)
_NO_TAR_OF_FILES = b"toc.dat\0"
_CLUSTER = b"-- PostgreSQL database cluster dump\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignFile:
    """A file on the remote that another tool made."""

    path: str
    """Relative to the remote."""
    size: int
    """Bytes."""
    date: datetime | None
    kind: str
    """What it is, in words."""
    command: str
    """The command that restores it; empty if none does."""


@session()
def list_foreign(folder: str | None = None) -> list[ForeignFile]:
    """Return what may be backups of other tools in a folder of the remote, newest first.

    Without ``folder`` it is what has no manifest in the remote's own folder, in that of the
    dumps, and in that of media files. The beginning of each is read. Raises
    ``InvalidSettings``, ``BackupNotFound`` or ``RcloneError``.
    """
    settings = conf.load()
    remote = Remote(settings)
    candidates = (
        _candidates(remote, settings) if folder is None else remote.list(validate_path(folder))
    )
    found = [_described(one, remote) for one in candidates]
    return sorted(found, key=_age_and_path, reverse=True)


def _age_and_path(one: ForeignFile) -> tuple[float, str]:
    return (one.date.timestamp() if one.date else 0.0, one.path)


def _candidates(remote: Remote, settings: Settings) -> Iterator[RemoteObject]:
    """Yield the files that we did not make."""
    contents = database_catalog(remote, settings).read()
    for path in sorted(contents.uncommitted & contents.halves):
        if contents.names.identify(path.rpartition("/")[2]) is None:
            yield contents.stored[path]
    for folder in dict.fromkeys(("", settings.media_backup_dir)):
        if folder != settings.db_backup_dir:
            yield from remote.list(folder)


def _described(one: RemoteObject, remote: Remote) -> ForeignFile:
    command = ""
    try:
        with remote.download(one.path) as download:
            head = read_head(download, decrypt=False)
    except DjangoRcloneError as error:
        kind = f"damaged: {error.message.rstrip('.')}"
    else:
        kind, vendor = _kind_of(head)
        if is_archive(head.data):
            command = "mediarestore"
        elif vendor or head.hidden:
            command = "dbrestore"
    return ForeignFile(path=one.path, size=one.size, date=_date(one), kind=kind, command=command)


def _kind_of(head: Head) -> tuple[str, str]:
    """Return what a dump is, in words, and the vendor whose client restores it."""
    vendor = ""
    if head.hidden:
        within = ""
    elif is_archive(head.data):
        within = "files in a tar archive"
    elif head.data.startswith(_NO_TAR_OF_FILES):
        within = "PostgreSQL, tar format"
    elif _CLUSTER in head.data:
        within = "SQL text of all databases of a PostgreSQL server"
    else:
        vendor, within = next(kinds_of(head.data), ("", "unknown"))
    return ", ".join(filter(None, [within, *(one.words for one in head.wrappers)])), vendor


def _date(one: RemoteObject) -> datetime | None:
    try:
        return datetime.fromisoformat(one.modified).astimezone(UTC)
    except ValueError:
        return None


def is_archive(data: bytes) -> bool:
    """Return whether what begins with ``data`` is a tar archive of files."""
    return data[_TAR] == b"ustar" and not data.startswith(_NO_TAR_OF_FILES)


def foreign_backup(path: str, remote: Remote) -> Backup:
    """Return what another tool stored at ``path``, relative to the remote.

    Raises ``BackupNotFound`` or, if we made it, ``BackupRejected``.
    """
    path = validate_path(path)
    size = remote.size(path)
    if size is None:
        raise BackupNotFound(f"There is no file {path} on the remote.", hint=_LIST)
    if remote.size(manifest_path(path)):
        raise BackupRejected(
            f"{path} was made by django-rclone.",
            hint=f"Restore it with -i {path.rpartition('/')[2]} instead.",
        )
    return Backup(path=path, size=size, problem="it was made by another tool")


def require_form(backup: Backup, alias: str, client: DatabaseClient, remote: Remote) -> None:
    """Raise ``BackupRejected`` unless a client restores what an unverified backup holds."""
    with remote.download(backup.path) as download:
        head = read_head(download, decrypt=True)
    if not head.data:
        raise BackupRejected("The backup is empty.", hint="Choose another one.")
    if client.recognize(head.data):
        return
    kind, vendor = _kind_of(head)
    what = (
        f"{backup.path} is {kind}"
        if kind != "unknown"
        else (f"It is not known what {backup.path} is: it begins with {head.data[:16]!r}")
    )
    raise BackupRejected(
        f"{what}; database {alias!r} is {client.vendor}.", hint=_way_out(head, vendor)
    )


def _way_out(head: Head, vendor: str) -> str:
    if is_archive(head.data):
        return "Restore it with mediarestore --foreign."
    if vendor:
        return "Name the database that it is of with -d."
    return (
        "Load it by hand into an empty database, as the tool that made it says, and back that up."
    )

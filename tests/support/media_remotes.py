"""The remotes on which every promise about media files is tested."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.faults.endpoints import S3, CryptOverS3, Served, WebdavWithoutTimes
from tests.support.site import RCLONE, DjangoSite

REMOTES: tuple[type[Served] | None, ...] = (None, S3, WebdavWithoutTimes, CryptOverS3)
"""A folder, and servers."""


@contextmanager
def stored_on(kind: type[Served] | None, site: DjangoSite, folder: Path) -> Iterator[Path]:
    """Let the remote of a site be of a kind; yield where it lies on the disk.

    ``folder`` is where a server may have its files.
    """
    if kind is None:
        yield site.remote
        return
    place = folder / "server"
    place.mkdir()
    with kind(place, str(RCLONE)) as server:
        endpoint = server.endpoint("cell", folder / "server.conf")
        site.rclone |= endpoint.settings
        yield endpoint.folder

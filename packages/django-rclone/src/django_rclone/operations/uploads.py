"""What the storing of a dump and that of the index of a run have in common."""

from collections.abc import Iterator
from contextlib import contextmanager

from ..backups.manifest import manifest_path
from ..exceptions import RcloneError
from ..rclone import Remote


@contextmanager
def deleted_on_error(remote: Remote, path: str) -> Iterator[None]:
    """Leave nothing of what is stored at ``path`` if the block raises."""
    try:
        yield
    except BaseException:
        # Whatever of it exists: a manifest without its dump, or a dump without its manifest.
        remote.try_delete(manifest_path(path))
        remote.try_delete(path)
        raise


def require_size(remote: Remote, path: str, size: int) -> None:
    """Raise ``RcloneError`` unless the remote has as many bytes at ``path`` as were sent."""
    stored = remote.size(path)
    if stored != size:
        found = "none" if stored is None else f"{stored:,}"
        raise RcloneError(
            f"Size mismatch for {path}: sent {size:,} bytes, the remote reports {found}.",
            hint="Check the remote: its quota, options of the storage in RCLONE_FLAGS, other writers.",
        )

"""Fetching content and putting it in place: batch by batch, each file checked before."""

import os
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from ...console import Console
from ...rclone.copies import Copied
from ...rclone.copying import Copying
from ...scratch import scratch_directory
from .content_store import content_name
from .difference import batches, folders, links, wanted_size, with_other_status
from .download import Download
from .spooled_target import SpooledTarget
from .target import Target
from .workset import EMPTY, WorkSet

_BATCH = 5_000  # files
_BATCH_SIZE = 2 << 30  # bytes; two batches are on their way


class Fetching:
    """The files of one restore on their way into place."""

    def __init__(
        self,
        work: WorkSet,
        copying: Copying,
        content: str,
        target: Target | SpooledTarget,
        console: Console,
    ) -> None:
        """``content`` is the address of the folder of contents."""
        self._work = work
        self._copying = copying
        self._content = content
        self._target = target
        self._console = console
        self._done = self._total = 0
        self._files_done = self._files = 0
        self.problems: dict[bytes, str] = {}
        """What could not be restored, each with the reason."""

    def fetch(self, temporary: Path) -> None:
        """Make or replace all that differs from the run. Raises ``RcloneError``.

        ``temporary`` is a folder in the same file system as the target.
        """
        self._files, self._total = wanted_size(self._work)
        for path, mode in folders(self._work):
            self._try(path, partial(self._target.make_folder, path, mode))
        self._fetch_all(temporary)
        with scratch_directory(temporary) as folder:
            staged = os.fsencode(folder / "link")
            for path, target in links(self._work):
                self._try(path, partial(self._target.put_link, staged, path, target))
        for one in with_other_status(self._work):
            step = partial(self._target.set_status, one.path, modified=one.modified, mode=one.mode)
            self._try(one.path, step)

    def _fetch_all(self, temporary: Path) -> None:
        """Fetch batch after batch. While rclone fetches one, the last is put in place."""
        with ExitStack() as opened:
            last: Download | None = None
            for batch in batches(self._work, _BATCH, _BATCH_SIZE):
                download = opened.enter_context(Download(batch, temporary))
                copied = self._finish(last)
                download.begin(self._copying, self._content, self._show)
                self._place(last, copied)
                last = download
            self._place(last, self._finish(last))

    def _finish(self, download: Download | None) -> Copied:
        if download is None:
            return Copied()
        copied = download.finish()
        self._done += sum(one.size for one in download.batch)
        self._files_done += len(download.batch)
        self._show(0, 0)
        return copied

    def _place(self, download: Download | None, copied: Copied) -> None:
        """Put in place what was fetched and is what it should be."""
        if download is None:
            return
        bad = download.problems(copied)
        root = os.fsencode(download.folder)
        uses = Counter(one.sha256 for one in download.batch)
        if EMPTY in uses:
            (download.folder / content_name(EMPTY)[:2]).mkdir(exist_ok=True)
            (download.folder / content_name(EMPTY)).touch()
        for one in download.batch:
            name = content_name(one.sha256)
            if name in bad:
                self.problems[one.path] = bad[name]
                continue
            uses[one.sha256] -= 1
            put = self._target.put_copy if uses[one.sha256] else self._target.put
            staged = os.path.join(root, os.fsencode(name))
            step = partial(put, staged, one.path, modified=one.modified, mode=one.mode)
            self._try(one.path, step)
        self.problems |= self._target.flush()
        download.close()

    def _show(self, size: int, files: int) -> None:
        """Show how far all is, with what was fetched of the batch on its way."""
        done = (min(self._files, self._files_done + files), self._files)
        self._console.progress(self._done + size, self._total, done)

    def _try(self, path: bytes, step: Callable[[], object]) -> None:
        try:
            step()
        except OSError as error:
            self.problems[path] = error.strerror or str(error)

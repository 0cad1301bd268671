"""Fetching content and putting it in place: batch by batch, each file checked before."""

import os
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from ...console import Console
from ...rclone.copying import Copying
from ...rclone.parallel import are_small
from ...scratch import scratch_directory
from .content_store import content_name
from .difference import Wanted, batches, folders, links, wanted_size, with_other_status
from .hashing import hash_files
from .spooled_target import SpooledTarget
from .target import Target
from .workset import EMPTY, WorkSet

_BATCH = 5_000  # files
_BATCH_SIZE = 4 << 30  # bytes
_TRIES = 3


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
        for batch in batches(self._work, _BATCH, _BATCH_SIZE):
            with scratch_directory(temporary) as folder:
                self._fetch_batch(batch, folder)
        with scratch_directory(temporary) as folder:
            staged = os.fsencode(folder / "link")
            for path, target in links(self._work):
                self._try(path, partial(self._target.put_link, staged, path, target))
        for one in with_other_status(self._work):
            step = partial(self._target.set_status, one.path, modified=one.modified, mode=one.mode)
            self._try(one.path, step)

    def _fetch_batch(self, batch: Sequence[Wanted], folder: Path) -> None:
        root = os.fsencode(folder)
        uses = Counter(one.sha256 for one in batch)
        wanted = {content_name(sha256): sha256 for sha256 in uses if sha256 != EMPTY}
        small = are_small(len(batch), sum(one.size for one in batch))
        bad = self._download(list(wanted), folder, small=small)
        if EMPTY in uses:
            (folder / content_name(EMPTY)[:2]).mkdir(exist_ok=True)
            (folder / content_name(EMPTY)).touch()
        for one in batch:
            name = content_name(one.sha256)
            self._done += one.size
            if name in bad:
                self.problems[one.path] = bad[name]
                continue
            uses[one.sha256] -= 1
            put = self._target.put_copy if uses[one.sha256] else self._target.put
            staged = os.path.join(root, os.fsencode(name))
            step = partial(put, staged, one.path, modified=one.modified, mode=one.mode)
            self._try(one.path, step)
        self.problems |= self._target.flush()
        self._files_done += len(batch)
        self._show(0, 0)

    def _show(self, size: int, files: int) -> None:
        """Show how far all is, with what was fetched of the batch on its way."""
        done = (min(self._files, self._files_done + files), self._files)
        self._console.progress(self._done + size, self._total, done)

    def _download(self, names: list[str], folder: Path, *, small: bool) -> dict[str, str]:
        """Get contents by their names, and return those that are not what their name says."""
        missing = names
        for tries_left in range(_TRIES - 1, -1, -1):
            if not missing:
                break
            copied = self._copying.copy(
                self._content,
                str(folder),
                names=missing,
                progress=self._show,
                into_scratch=True,
                small=small,
            )
            here = [name for name in missing if (folder / name).is_file()]
            damaged = _damaged(folder, here)
            whole = set(here) - set(damaged)
            missing = [name for name in missing if name not in whole]
            if copied.error is None:
                return dict.fromkeys(missing, "its content is not on the remote") | damaged
            if not missing and not copied.failed:
                # It failed, and nobody knows what is wrong.
                raise copied.error
            # One that seems damaged may be incomplete.
            if not tries_left or not copied.error.transient:
                if len(missing) == len(names):
                    raise copied.error
                last = copied.error.message.splitlines()[-1]
                return {name: copied.failed.get(name, last) for name in missing}
        return {}

    def _try(self, path: bytes, step: Callable[[], object]) -> None:
        try:
            step()
        except OSError as error:
            self.problems[path] = error.strerror or str(error)


def _damaged(folder: Path, names: list[str]) -> dict[str, str]:
    """Return those of ``names`` whose content is not what their name says."""
    paths = [os.fsencode(name) for name in names]
    return {
        name: one.problem or "its stored content is damaged"
        for name, one in zip(
            names, hash_files(os.fsencode(folder), paths, follow=False), strict=True
        )
        if one.problem or content_name(one.sha256) != name
    }

"""Contents on their way into a folder of their own, each checked before it is used."""

import os
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Self

from ...rclone.copies import Copied, Copy
from ...rclone.copying import Copying, Progress
from ...rclone.parallel import are_small
from ...scratch import scratch_directory
from .content_store import content_name
from .difference import Wanted
from .hashing import hash_files
from .workset import EMPTY

_TRIES = 3


class Download:
    """The contents of some files. It is a context manager: leaving it deletes what is left."""

    def __init__(self, batch: Sequence[Wanted], temporary: Path) -> None:
        """``temporary`` is where the folder is made."""
        self.batch = batch
        self._names = list({content_name(one.sha256) for one in batch if one.sha256 != EMPTY})
        self._temporary = temporary
        self._copy: Copy | None = None
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with self._stack:
            self.folder = self._stack.enter_context(scratch_directory(self._temporary))
            self._stack = self._stack.pop_all()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop the copy, delete what it left, and forget the files."""
        self._stack.close()
        self.batch = ()

    def begin(self, copying: Copying, content: str, progress: Progress) -> None:
        """Begin to copy from the folder of contents, whose address is ``content``."""
        self._copying = copying
        self._content = content
        if self._names:
            self._copy = self._stack.enter_context(self._copy_of(self._names, progress))

    def _copy_of(self, names: Sequence[str], progress: Progress) -> Copy:
        return self._copying.begin(
            self._content,
            str(self.folder),
            names=names,
            progress=progress,
            into_scratch=True,
            small=are_small(len(self.batch), sum(one.size for one in self.batch)),
        )

    def finish(self) -> Copied:
        """Wait until what was begun has ended, and return what became of it."""
        return self._copy.finish() if self._copy else Copied()

    def problems(self, copied: Copied) -> dict[str, str]:
        """Return the names of contents that are not what their names say, and why.

        ``copied`` is what ``finish()`` returned. After a passing error the rest is asked for again.
        Raises ``RcloneError`` if nothing came.
        """
        missing = self._names
        for tries_left in range(_TRIES - 1, -1, -1):
            here = [name for name in missing if (self.folder / name).is_file()]
            damaged = _damaged(self.folder, here)
            whole = set(here) - set(damaged)
            missing = [name for name in missing if name not in whole]
            if copied.error is None:
                return dict.fromkeys(missing, "its content is not on the remote") | damaged
            if not missing and not copied.failed:
                # It failed, and nobody knows what is wrong.
                raise copied.error
            # One that seems damaged may be incomplete.
            if not tries_left or not copied.error.transient:
                if len(missing) == len(self._names):
                    raise copied.error
                last = copied.error.message.splitlines()[-1]
                return {name: copied.failed.get(name, last) for name in missing}
            if not missing:
                return {}
            with self._copy_of(missing, lambda size, files: None) as again:
                copied = again.finish()
        raise AssertionError("the last try returns or raises")


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

"""Media files in a storage of Django elsewhere than in a folder of this machine."""

import os
import secrets
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import NamedTuple

from django.core.files.storage import Storage
from django.utils.timezone import get_default_timezone

from ...backups.index import Kind, text_of
from ...exceptions import MediaGuardError
from ...scratch import scratch_directory
from .hashing import CHANGING
from .scan import Found, Rules
from .spooled_place import SpooledPlace, found_file, nanoseconds
from .storages import reason, together

_NOT_NAMES = ("", ".", "..")


class StoragePlace(SpooledPlace):
    """A storage, read by ``listdir()`` and ``open()``."""

    def __init__(self, address: str, storage: Storage, rules: Rules) -> None:
        self.address = address
        self.storage = storage
        self._rules = rules

    def scan(self) -> Iterator[Found]:
        """See ``MediaPlace``."""
        pending = [""]
        while pending:
            folder = pending.pop()
            try:
                folders, files = self.storage.listdir(folder)
            except Exception as error:
                if not folder:
                    raise self._unreadable(error) from error
                yield Found(_path(folder), Kind.LEFT_OUT, reason=reason(error))
                continue
            prefix = f"{folder}/" if folder else ""
            pending += [
                prefix + name
                for one in sorted(folders, reverse=True)
                if (name := one.rstrip("/")) not in _NOT_NAMES
                and not self._rules.leaves_out(_path(prefix + name), folder=True)
            ]
            names = [prefix + one for one in sorted(files) if one not in _NOT_NAMES]
            counted = [name for name in names if not self._rules.leaves_out(_path(name))]
            yield from together(self._found, counted)

    def _unreadable(self, error: Exception) -> MediaGuardError:
        if isinstance(error, NotImplementedError):
            return MediaGuardError(
                f"The {self.address} cannot list its files.",
                hint="Let a source with REMOTE reach them by rclone.",
            )
        return MediaGuardError(f"The {self.address} cannot be listed: {reason(error)}.")

    def _found(self, name: str) -> Found:
        facts = self._facts(name)
        if isinstance(facts, str):
            return Found(_path(name), Kind.LEFT_OUT, reason=facts)
        return found_file(_path(name), facts.size, facts.modified)

    def _facts(self, name: str) -> "_Facts | str":
        """Return what the storage says of a file, or why it says nothing."""
        try:
            size = int(self.storage.size(name))
            try:
                modified = nanoseconds(_aware(self.storage.get_modified_time(name)))
            except NotImplementedError:
                modified = 0
        except Exception as error:  # noqa: BLE001 - a storage may raise anything
            return reason(error)
        return _Facts(size, modified)

    @contextmanager
    def at_hand(
        self, paths: Sequence[bytes], temporary: Path
    ) -> Iterator[tuple[bytes, Mapping[bytes, str]]]:
        """See ``MediaPlace``."""
        with scratch_directory(temporary) as spool:
            root = os.fsencode(spool)
            problems = together(partial(self._fetch, root), paths)
            yield root, {p: why for p, why in zip(paths, problems, strict=True) if why}

    def _fetch(self, root: bytes, path: bytes) -> str:
        """Copy a file to a folder; return why that was not possible, if it was not."""
        name = text_of(path)
        copy = os.path.join(root, path)
        try:
            before = self._facts(name)
            os.makedirs(os.path.dirname(copy), exist_ok=True)
            with self.storage.open(name, "rb") as source, open(copy, "wb") as file:
                shutil.copyfileobj(source, file, 1 << 20)
        except Exception as error:  # noqa: BLE001 - a storage may raise anything
            return reason(error)
        return "" if self._facts(name) == before else CHANGING

    def require_exact_names(self) -> None:
        """Raise ``MediaGuardError`` if the storage gives new files other names than they have."""
        name = f"django-rclone-{secrets.token_hex(8)}.txt"
        try:
            given = self.storage.get_available_name(name)
        except Exception as error:
            raise MediaGuardError(
                f"The {self.address} cannot be asked for a name: {reason(error)}."
            ) from error
        if given != name:
            raise MediaGuardError(
                f"The {self.address} renames what is saved ({name} would become {given}), "
                "so files would not come back under their names.",
                hint="Restore to a folder with --to, and copy the files from there.",
            )


class _Facts(NamedTuple):
    size: int
    modified: int


def _path(name: str) -> bytes:
    return name.encode("utf-8", "surrogateescape")


def _aware(moment: datetime) -> datetime:
    """Return a time with its zone. Without ``USE_TZ`` it is that of the site."""
    return moment if moment.tzinfo else moment.replace(tzinfo=get_default_timezone())

"""A storage of Django that files are restored to."""

import os
import posixpath
import secrets
from collections.abc import Mapping
from pathlib import Path

from django.core.files import File
from django.core.files.storage import Storage

from ...backups.index import text_of
from .spooled_target import SpooledTarget
from .storages import reason, together

_RENAMED = "the storage would give it another name"


class StorageTarget(SpooledTarget):
    """A storage, written by ``save()`` and ``delete()``."""

    def __init__(self, storage: Storage, folder: Path) -> None:
        super().__init__(folder)
        self._storage = storage

    def remove(self, path: bytes) -> None:
        """See ``SpooledTarget``."""
        try:
            self._storage.delete(text_of(path))
        except FileNotFoundError:
            pass
        except Exception as error:
            raise OSError(reason(error)) from error

    def _send(self, waiting: Mapping[str, bytes]) -> dict[bytes, str]:
        problems = together(self._store, list(waiting.items()))
        return {p: why for p, why in zip(waiting.values(), problems, strict=True) if why}

    def _store(self, item: tuple[str, bytes]) -> str:
        """Save a file under its own name; return why that was not possible, if it was not."""
        name, path = item
        try:
            if self._storage.get_available_name(name) != name:
                if not self._storage.exists(name) or self._renames(name):
                    return _RENAMED
                # Most storages never overwrite: they would make up another name.
                self._storage.delete(name)
            with open(os.path.join(os.fsencode(self._folder), path), "rb") as file:
                saved = self._storage.save(name, File(file, name))
            if saved != name:
                self._storage.delete(saved)
                return _RENAMED
        except Exception as error:  # noqa: BLE001 - a storage may raise anything
            return reason(error)
        return ""

    def _renames(self, name: str) -> bool:
        """Return whether a name like this one is not kept even if it is free."""
        root, extension = posixpath.splitext(name)
        like = f"{root}-{secrets.token_hex(4)}{extension}"
        return self._storage.get_available_name(like) != like
